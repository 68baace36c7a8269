import { describe, expect, it } from 'vitest';
import { hostPath, oneOf, wholeNumber } from './optionValues.ts';
import {
  parseBoot,
  parseCdrom,
  parseDisk,
  parseFloppy,
  parseScreenshot,
  parseSendKeys,
} from './parseOptions.ts';

describe('options of the command line', () => {
  it('read a disk with its attributes', () => {
    expect(parseDisk('/d.img')).toEqual({
      ...{ path: '/d.img', format: 'auto', readOnly: false, interface: 'virtio' },
      allowedFolders: [],
    });
    expect(parseDisk('/d.qcow2,format=qcow2,allow=/base')).toMatchObject({
      ...{ format: 'qcow2', allowedFolders: ['/base'] },
    });
    expect(parseDisk('/d.img,if=ahci')).toMatchObject({ interface: 'ahci' });
    expect(parseDisk('/d.img,format=raw,readonly')).toMatchObject({ readOnly: true });
    expect(parseDisk('/d.img,readonly=off')).toMatchObject({ readOnly: false });
  });

  it('read drives with and without a medium', () => {
    expect(parseCdrom('/a.iso')).toEqual({ path: '/a.iso', interface: 'ide' });
    expect(parseCdrom('none,if=ahci')).toEqual({ interface: 'ahci' });
    expect(parseFloppy('/a.img,readonly')).toEqual({ path: '/a.img', readOnly: true });
    expect(parseFloppy('none')).toEqual({ readOnly: false });
    expect(() => parseCdrom('/a.iso,if=virtio')).toThrow('--cdrom if=virtio: use ide or ahci');
  });

  it('read the order of drives, floppies as f or a', () => {
    expect(parseBoot('cdf')).toEqual({ order: 'cda', menu: false });
    expect(parseBoot('ad,menu')).toEqual({ order: 'ad', menu: true });
    expect(() => parseBoot('fa')).toThrow('--boot fa: give some of c (disks)');
    expect(() => parseBoot('x')).toThrow('each once');
  });

  it('take a doubled comma for one in a file name', () => {
    expect(parseDisk('/a,,b.img,readonly').path).toBe('/a,b.img');
  });

  it('take relative paths from where the user typed, not from where npm runs scripts', () => {
    const npm = { INIT_CWD: '/home/ann', npm_lifecycle_event: 'guesthouse' };
    expect(hostPath('vmlinuz', npm)).toBe('/home/ann/vmlinuz');
    expect(hostPath('/boot/vmlinuz', npm)).toBe('/boot/vmlinuz');
    expect(hostPath('vmlinuz', {})).toBe(`${process.cwd()}/vmlinuz`);
  });

  it('say what to change', () => {
    expect(() => parseDisk('')).toThrow('name a file');
    expect(() => parseDisk('/d,format=qed')).toThrow('qcow2');
    expect(() => parseDisk('/d,colour=red')).toThrow('"colour=red" is unknown');
    expect(() => wholeNumber('--memory', 16, 3584, 'MiB')('1G')).toThrow(
      '--memory 1G: give a whole number from 16 to 3584 MiB',
    );
    expect(() => oneOf('--engine', ['interpreter', 'kvm'])('xen')).toThrow(
      '--engine xen: use interpreter or kvm',
    );
  });
});

describe('what happens at a time', () => {
  it('has its seconds behind the last @', () => {
    expect(parseScreenshot('/tmp/a@b.png')).toEqual({ path: '/tmp/a@b.png' });
    expect(parseScreenshot('/tmp/a.png@2.5')).toEqual({ path: '/tmp/a.png', atSeconds: 2.5 });
    expect(parseSendKeys('a<ret>@10')).toEqual({ strokes: [['KeyA'], ['Enter']], atSeconds: 10 });
  });

  it('says what it does not understand', () => {
    expect(() => parseScreenshot('@3')).toThrow('name a file');
    expect(() => parseSendKeys('<foo>')).toThrow('--sendkeys: there is no key "foo" in <foo>');
  });
});

it('--disk takes cache mode, zeroes that are noticed and limits', () => {
  expect(parseDisk('/a.img,cache=none,detect-zeroes=on,iops=500,bps=1000000')).toMatchObject({
    ...{ cache: 'none', detectZeroes: true },
    limits: { iops: 500, bytesPerSecond: 1_000_000 },
  });
  expect(parseDisk('/a.img,share=on')).toMatchObject({ shareable: true });
  expect(() => parseDisk('/a.img,cache=fast')).toThrow('cache');
  expect(() => parseDisk('/a.img,iops=many')).toThrow('iops=many');
});
