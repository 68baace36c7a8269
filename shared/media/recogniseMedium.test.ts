import { execFileSync } from 'node:child_process';
import {
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guessSystem } from './guessSystem.ts';
import { inspectMedium, recogniseMedium, type Medium } from './recogniseMedium.ts';

let folder: string;
const file = (name: string): string => path.join(folder, name);
const run = (command: string, ...args: string[]): void =>
  void execFileSync(command, args, { stdio: 'ignore' });

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'guesthouse-media-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function inspect(name: string): Promise<Medium> {
  const full = path.resolve(folder, name);
  const handle = openSync(full, 'r');
  return inspectMedium(statSync(full).size, (offset, length) => {
    const bytes = new Uint8Array(length);
    return Promise.resolve(bytes.subarray(0, readSync(handle, bytes, 0, length, offset)));
  });
}

describe('a medium is recognised by its content', () => {
  const mib = 2 ** 20;
  it.each([
    ['qcow2', 'qcow2', [], { kind: 'qcow2', diskBytes: 64 * mib }],
    ['qcow2', 'qcow2', ['-o', 'compat=0.10'], { kind: 'qcow2', diskBytes: 64 * mib }],
    ['vdi', 'vdi', [], { kind: 'vdi', diskBytes: 64 * mib }],
    ['vdi', 'vdi', ['-o', 'static=on'], { kind: 'vdi', diskBytes: 64 * mib }],
    ['vmdk', 'vmdk', [], { kind: 'vmdk', diskBytes: 64 * mib }],
    ['vmdk', 'vmdk', ['-o', 'subformat=streamOptimized'], { kind: 'vmdk', diskBytes: 64 * mib }],
    ['vmdk', 'vmdk', ['-o', 'subformat=monolithicFlat'], { kind: 'vmdk' }],
    ['vpc', 'vhd', ['-o', 'force_size=on'], { kind: 'vhd', diskBytes: 64 * mib }],
    ['vpc', 'vhd', ['-o', 'subformat=fixed,force_size=on'], { kind: 'vhd', diskBytes: 64 * mib }],
    ['vhdx', 'vhdx', [], { kind: 'vhdx' }],
  ])('as qemu-img makes it: %s as .%s with %j', async (format, extension, options, expected) => {
    // The name says nothing.
    const name = `${format}-${options.join('').replace(/\W/g, '')}.bin`;
    run('qemu-img', 'create', '-q', '-f', format, ...options, file(name), '64M');
    expect(await inspect(name), extension).toEqual(expected);
  });

  it('an ISO, with its label and whether it boots', async () => {
    writeFileSync(file('readme'), 'hello');
    run('xorriso', '-as', 'mkisofs', '-V', 'Some Data', '-o', file('data'), file('readme'));
    expect(await inspect('data')).toEqual({ kind: 'iso', label: 'Some Data', bootable: false });
    const grub = await inspect('/usr/lib/grub-rescue/grub-rescue-cdrom.iso');
    expect(grub).toMatchObject({ kind: 'iso', bootable: true });
  });

  it('disks and floppies without a header', async () => {
    const sector = new Uint8Array(512);
    sector.set([0xeb, 0xfe], 0);
    sector.set([0x55, 0xaa], 510);
    writeFileSync(file('floppy'), Buffer.concat([sector, new Uint8Array(2879 * 512)]));
    expect(await inspect('floppy')).toEqual({ kind: 'floppy', bootable: true });
    sector.set([0x80, 0, 2, 0, 0x83], 446);
    writeFileSync(file('disk'), Buffer.concat([sector, new Uint8Array(9999 * 512)]));
    expect(await inspect('disk')).toEqual({ kind: 'raw', bootable: true });
    writeFileSync(file('ext4'), '');
    truncateSync(file('ext4'), 8 * mib);
    run('mke2fs', '-q', '-F', file('ext4'));
    expect(await inspect('ext4')).toEqual({ kind: 'raw', bootable: false });
    writeFileSync(file('blank'), new Uint8Array(1440 * 1024));
    expect(await inspect('blank')).toEqual({ kind: 'floppy', bootable: false });
  });

  it('appliances and VirtualBox machines', async () => {
    const envelope = `<?xml version="1.0"?>\n<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"/>`;
    writeFileSync(file('machine.ovf'), envelope);
    expect(await inspect('machine.ovf')).toEqual({ kind: 'ovf' });
    run('tar', '-C', folder, '--format=ustar', '-cf', file('appliance'), 'machine.ovf');
    expect(await inspect('appliance')).toEqual({ kind: 'ova' });
    writeFileSync(
      file('machine.vbox'),
      '<?xml version="1.0"?>\n<!--\n** DO NOT EDIT\n-->\n<VirtualBox xmlns="http://www.virtualbox.org/">',
    );
    expect(await inspect('machine.vbox')).toEqual({ kind: 'vbox' });
  });

  it('says what else a file is', async () => {
    const content = async (name: string, bytes: string | Uint8Array) => {
      writeFileSync(file(name), bytes);
      const medium = await inspect(name);
      return medium.kind === 'other' ? medium.content : medium.kind;
    };
    expect(await content('a.iso', '')).toBe('empty');
    expect(await content('b.iso', 'Dear guest,\nthis is a letter: “hello”.\n')).toBe('text');
    expect(await content('c.iso', new Uint8Array(1000).fill(0xe1))).toBe('unknown');
    expect(await content('zeros', new Uint8Array(1 << 20))).toBe('unknown');
    run('gzip', '-k', file('c.iso'));
    expect(await inspect('c.iso.gz')).toMatchObject({ kind: 'other', content: 'compressed' });
    run('tar', '-C', folder, '-cf', file('x'), 'c.iso');
    expect(await inspect('x')).toMatchObject({ kind: 'other', content: 'archive' });
    expect(await inspect('/usr/bin/tar')).toMatchObject({ kind: 'other', content: 'program' });
    expect(await inspect('c.iso')).toMatchObject({ start: 'e1 e1 e1 e1 e1 e1 e1 e1' });
  });

  it('and nothing that a file holds makes it fail', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), fc.nat(2 ** 40), (bytes, size) => {
        recogniseMedium(size, bytes, bytes.subarray(-512));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the system on an install medium is guessed', () => {
  it.each([
    ['Debian 12.5.0 amd64 n', 'Debian 12.5.0'],
    ['Ubuntu-Server 22.04.3 LTS amd64', 'Ubuntu 22.04.3'],
    ['Fedora-WS-Live-39-1-5', 'Fedora 39'],
    ['alpine-std 3.19.1 x86_64', 'Alpine Linux 3.19.1'],
    ['ARCH_202401', 'Arch Linux'],
    ['CCCOMA_X64FRE_EN-US_DV9', 'Windows'],
    ['MT86PLUS_64', 'Memtest86+'],
  ])('from the label %s', (label, name) => {
    expect(guessSystem(label, 'some.iso')?.name).toBe(name);
  });

  it('from the file name where the label says nothing', () => {
    expect(guessSystem('CDROM', 'debian-12.5.0-amd64-netinst.iso')?.name).toBe('Debian 12.5.0');
    expect(guessSystem(undefined, 'thing.iso')).toBeUndefined();
  });
});
