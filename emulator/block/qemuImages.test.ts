/** Images in the shapes that qemu-img makes and other tests do not: read as it reads them, written as it reads them after. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
  statSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { qemuCheck, qemuCompare, qemuImg, run } from '../../test/framework/storage/qemuImg.ts';
import { Random } from '../../test/framework/storage/random.ts';
import { convertDisk, createDisk, diskInfo, mergeDisk } from '../host/diskTool.ts';
import { openDisk } from './file/fileDisk.ts';
import { seal } from './vhdx/vhdxHeader.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-qemu-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => path.join(folder, name);
const MiB = 1 << 20;
const GiB = 1 << 30;

/** A sparse raw disk with data here and there, across the borders of extents too. */
function makeRaw(size: number, seed = 1): string {
  const random = new Random(seed);
  writeFileSync(file('raw'), '');
  truncateSync(file('raw'), size);
  const handle = openSync(file('raw'), 'r+');
  for (const at of [0, size / 2, size - 65_536, Math.min(size - MiB, 2 * GiB - 65_536)])
    writeSync(
      handle,
      random.bytes(131_072).subarray(0, Math.min(131_072, size - at)),
      0,
      undefined,
      at,
    );
  return file('raw');
}

const vmdkKinds = [
  'monolithicSparse',
  'monolithicFlat',
  'twoGbMaxExtentSparse',
  'twoGbMaxExtentFlat',
  'streamOptimized',
] as const;

describe.for(vmdkKinds)('a VMDK of 5 GiB of the kind %s', (kind) => {
  test('is read and written as qemu-img reads it', { timeout: 120_000 }, async () => {
    const raw = makeRaw(5 * GiB);
    const image = file('disk.vmdk');
    qemuImg('convert', '-f', 'raw', '-O', 'vmdk', '-o', `subformat=${kind}`, raw, image);
    const source = { path: image, format: 'auto', allowedFolders: [] } as const;
    await convertDisk(source, { path: file('copy.qcow2'), format: 'qcow2' });
    qemuCompare(file('copy.qcow2'), 'qcow2', raw);
    const [info] = await diskInfo(source);
    expect(info).toMatchObject({ format: 'vmdk', variant: kind, size: 5 * GiB });
    if (kind === 'streamOptimized') return;
    const disk = await openDisk({ path: image, format: 'auto', readOnly: false });
    const handle = openSync(raw, 'r+');
    const random = new Random(2);
    for (const at of [4096, 2 * GiB - 65_536, 3 * GiB, 4 * GiB - 512, 5 * GiB - MiB]) {
      const data = random.bytes(131_072);
      await disk.write(at, [data]);
      writeSync(handle, data, 0, undefined, at);
    }
    await disk.close();
    qemuCompare(image, 'vmdk', raw);
    if (kind !== 'monolithicFlat' && kind !== 'twoGbMaxExtentFlat') qemuCheck(image, 'vmdk');
  });
});

describe('a VHDX that differs from another', () => {
  const source = (name: string) =>
    ({ path: file(name), format: 'vhdx', allowedFolders: [] }) as const;
  const open = (name: string, readOnly = true) => openDisk({ ...source(name), readOnly });
  /** Both GUIDs of the header that counts ([MS-VHDX] 2.2.2). */
  const guids = (): string[] => {
    const bytes = readFileSync(file('base.vhdx'));
    const headers = [bytes.subarray(65_536, 69_632), bytes.subarray(131_072, 135_168)];
    const [newer] = headers.sort((a, b) => Number(b.readBigUInt64LE(8) - a.readBigUInt64LE(8)));
    return [newer!.toString('hex', 16, 32), newer!.toString('hex', 32, 48)];
  };
  const linked = async (): Promise<void> => {
    await convertDisk(
      { path: makeRaw(8 * MiB), format: 'raw', allowedFolders: [] },
      { path: file('base.vhdx'), format: 'vhdx' },
    );
    rmSync(file('top.vhdx'), { force: true });
    const top = { path: file('top.vhdx'), format: 'vhdx' } as const;
    await createDisk({ ...top, size: 8 * MiB, backing: source('base.vhdx') });
  };

  test.for(['write', 'writeNow', 'discard', 'writeZeroes'] as const)(
    'is refused once the other was changed where its data lies, by %s',
    async (how) => {
      await linked();
      const before = guids();
      await (await open('base.vhdx', false)).close();
      await (await open('top.vhdx')).close();
      expect(guids()).toEqual(before);
      const base = await open('base.vhdx', false);
      const data = [new Uint8Array(4096).fill(9)];
      if (how === 'write') await base.write(0, data);
      else if (how === 'writeNow') {
        await base.read(0, [new Uint8Array(512)]);
        // The first one must wait for the header.
        expect(base.writeNow?.(0, data)).toBe(false);
        await base.write(0, data);
      } else await base[how](0, 8 * MiB);
      await base.close();
      const after = guids();
      expect(after.some((guid) => before.includes(guid))).toBe(false);
      await expect(open('top.vhdx')).rejects.toThrow('changed since');
      run('qemu-io', '-r', ...['-f', 'vhdx', '-c', 'read 0 512'], file('base.vhdx'));
    },
  );

  test('goes on being readable when it was merged into the other', async () => {
    await linked();
    const top = await open('top.vhdx', false);
    await top.write(MiB, [new Uint8Array(MiB).fill(7)]);
    await top.close();
    const [fileWrite, dataWrite] = guids();
    await mergeDisk(source('top.vhdx'));
    expect(guids()[0]).not.toBe(fileWrite);
    expect(guids()[1]).toBe(dataWrite);
    const merged = await open('top.vhdx');
    const sector = new Uint8Array(512);
    await merged.read(MiB, [sector]);
    expect(sector.every((byte) => byte === 7)).toBe(true);
    await merged.close();
  });
});

describe('a VMDK that is linked to another', () => {
  const linked = (): void => {
    const raw = makeRaw(8 * MiB);
    qemuImg('convert', '-f', 'raw', '-O', 'vmdk', raw, file('base.vmdk'));
    qemuImg(...['create', '-f', 'vmdk', '-b', 'base.vmdk', '-F', 'vmdk', file('top.vmdk')]);
  };
  const open = (name: string, readOnly = true) =>
    openDisk({ path: file(name), format: 'vmdk', readOnly });
  const change = ['-f', 'vmdk', '-c', 'write -P 7 64k 64k'];

  test('is refused once qemu-io has changed the other', async () => {
    linked();
    run('qemu-io', ...change, file('top.vmdk'));
    const top = await open('top.vmdk');
    const sector = new Uint8Array(512);
    await top.read(65_536, [sector]);
    expect(sector.every((byte) => byte === 7)).toBe(true);
    await top.close();
    run('qemu-io', ...change, file('base.vmdk'));
    await expect(open('top.vmdk')).rejects.toMatchObject({ code: 'corrupt' });
    await expect(open('top.vmdk')).rejects.toThrow('changed since');
  });

  test('is refused here and by QEMU once we have changed the other, but not for having it opened', async () => {
    linked();
    await (await open('base.vmdk', false)).close();
    await (await open('top.vmdk')).close();
    const base = await open('base.vmdk', false);
    await base.write(0, [new Uint8Array(512).fill(9)]);
    await base.close();
    await expect(open('top.vmdk')).rejects.toThrow('changed since');
    expect(() => run('qemu-io', '-r', ...['-c', 'read 0 512'], file('top.vmdk'))).toThrow();
  });

  test('is refused then too if the content ID has less than eight digits, as QEMU writes small ones', async () => {
    linked();
    const patch = (name: string, key: string, cid: string): void => {
      const text = readFileSync(file(name), 'latin1');
      // QEMU's own ID may be shorter: the descriptor then takes some of the zeroes behind it.
      const end = text.indexOf('\0', text.indexOf('# Disk DescriptorFile'));
      const descriptor = text
        .slice(0, end)
        .replace(new RegExp(`^${key}=[0-9a-f]+`, 'm'), `${key}=${cid}`)
        .padEnd(end, '\n');
      writeFileSync(file(name), descriptor + text.slice(descriptor.length), 'latin1');
    };
    patch('base.vmdk', 'CID', '0bcdef1');
    patch('top.vmdk', 'parentCID', 'bcdef1');
    await (await open('top.vmdk')).close();
    const base = await open('base.vmdk', false);
    await base.write(0, [new Uint8Array(512).fill(9)]);
    await base.close();
    await expect(open('top.vmdk')).rejects.toThrow('changed since');
    expect(() => run('qemu-io', '-r', ...['-c', 'read 0 512'], file('top.vmdk'))).toThrow();
  });

  test('goes on being readable when it was merged into the other', async () => {
    linked();
    run('qemu-io', ...change, file('top.vmdk'));
    qemuImg('convert', '-f', 'vmdk', '-O', 'raw', file('top.vmdk'), file('wanted'));
    await mergeDisk({ path: file('top.vmdk'), format: 'auto', allowedFolders: [] });
    qemuCompare(file('base.vmdk'), 'vmdk', file('wanted'));
    await (await open('top.vmdk')).close();
    qemuCompare(file('top.vmdk'), 'vmdk', file('wanted'));
  });
});

describe('the internal snapshots of a QCOW2', () => {
  test('are listed, read as qemu-img reads them, and kept by writes', async () => {
    const raw = makeRaw(8 * MiB);
    const image = file('disk.qcow2');
    qemuImg('convert', '-f', 'raw', '-O', 'qcow2', raw, image);
    for (const name of ['first', 'second']) {
      qemuImg('snapshot', '-c', name, image);
      qemuImg('convert', '-f', 'qcow2', '-O', 'raw', image, file(`${name}.raw`));
      const pattern = name === 'first' ? 0x11 : 0x22;
      run('qemu-io', '-f', 'qcow2', '-c', `write -P ${pattern} 32k 2M`, image);
    }
    const source = { path: image, format: 'auto', allowedFolders: [] } as const;
    const [info] = await diskInfo(source);
    expect(info?.snapshots.map(({ name }) => name)).toEqual(['first', 'second']);
    const disk = await openDisk({ path: image, format: 'auto', readOnly: false });
    await disk.write(MiB, [new Uint8Array(2 * MiB).fill(0x33)]);
    await disk.discard(4 * MiB, MiB);
    await disk.close();
    qemuCheck(image, 'qcow2');
    for (const [index, snapshot] of ['first', 'second'].entries()) {
      const target = file(`${snapshot}.copy`);
      const named = index === 0 ? snapshot : (info?.snapshots[index]?.id ?? '');
      await convertDisk({ ...source, snapshot: named }, { path: target, format: 'raw' });
      qemuCompare(target, 'raw', file(`${snapshot}.raw`));
      const theirs = file(`${snapshot}.theirs`);
      qemuImg(...['convert', '-l', snapshot, '-f', 'qcow2', '-O', 'raw', image, theirs]);
      qemuCompare(theirs, 'raw', file(`${snapshot}.raw`));
    }
    await expect(
      convertDisk({ ...source, snapshot: 'third' }, { path: file('none'), format: 'raw' }),
    ).rejects.toThrow('third');
  });
});

describe.for([
  ['gz', 'gzip', '-k'],
  ['xz', 'xz', '-k', '-0'],
  ['zst', 'zstd', '-q'],
] as const)('a disk image in a .%s file', ([ending, program, ...options]) => {
  test('is read as what it holds, of any format, and never written', async () => {
    const raw = makeRaw(8 * MiB);
    qemuImg('convert', '-f', 'raw', '-O', 'qcow2', raw, file('disk.qcow2'));
    for (const name of ['raw', 'disk.qcow2']) {
      run(program, ...options, file(name));
      const source = {
        path: file(`${name}.${ending}`),
        format: 'auto',
        allowedFolders: [],
      } as const;
      const before = readFileSync(source.path);
      await convertDisk(source, { path: file(`${name}.copy`), format: 'raw' });
      qemuCompare(file(`${name}.copy`), 'raw', raw);
      const writing = openDisk({ path: source.path, format: 'auto', readOnly: false });
      await expect(writing).rejects.toMatchObject({ code: 'unsupported' });
      const above = createDisk({ path: file('above'), format: 'qcow2', backing: source });
      await expect(above).rejects.toMatchObject({ code: 'unsupported' });
      expect(readFileSync(source.path).equals(before)).toBe(true);
    }
    const packed = readFileSync(file(`raw.${ending}`));
    // Several behind each other hold what they hold together.
    writeFileSync(file(`twice.${ending}`), Buffer.concat([packed, packed]));
    const twice = { path: file(`twice.${ending}`), format: 'auto', allowedFolders: [] } as const;
    await convertDisk(twice, { path: file('twice'), format: 'raw' });
    const content = readFileSync(raw);
    expect(readFileSync(file('twice')).equals(Buffer.concat([content, content]))).toBe(true);
    const middle = Math.floor(packed.length / 2);
    packed.fill(0xa5, middle, middle + 5000);
    writeFileSync(file('bad'), packed);
    const bad = openDisk({ path: file('bad'), format: 'auto', readOnly: true });
    await expect(bad).rejects.toMatchObject({ code: 'corrupt' });
    writeFileSync(file('short'), packed.subarray(0, 4000));
    const short = openDisk({ path: file('short'), format: 'auto', readOnly: true });
    await expect(short).rejects.toMatchObject({ code: 'corrupt' });
    expect(readdirSync(folder).filter((name) => name.includes('.lock'))).toEqual([]);
  });
});

test.for([
  ['zlib', 65_536],
  ['zstd', 65_536],
  ['zlib', 4096],
  ['zlib', 2 * MiB],
] as const)(
  'a compressed QCOW2 image (%s, clusters of %i bytes) is read by QEMU and takes less room',
  async ([compression, clusterSize]) => {
    const raw = makeRaw(24 * MiB + 512);
    const content = readFileSync(raw);
    for (let at = 9 * MiB; at < 15 * MiB; at++) content[at] = (at >> 10) & 0xff;
    writeFileSync(raw, content);
    const image = file('packed.qcow2');
    const target = {
      path: image,
      format: 'qcow2',
      compressed: true,
      compression,
      clusterSize,
    } as const;
    await convertDisk({ path: raw, format: 'raw', allowedFolders: [] }, target);
    qemuCheck(image, 'qcow2');
    qemuCompare(image, 'qcow2', raw);
    const disk = await openDisk({ path: image, format: 'qcow2', readOnly: false });
    expect(await disk.check()).toMatchObject({ errors: [], leakedBytes: 0 });
    await disk.write(10 * MiB + 512, [new Uint8Array(1024).fill(9)]);
    await disk.close();
    qemuCheck(image, 'qcow2');
    content.fill(9, 10 * MiB + 512, 10 * MiB + 1536);
    writeFileSync(raw, content);
    qemuCompare(image, 'qcow2', raw);
    await convertDisk(
      { path: raw, format: 'raw', allowedFolders: [] },
      { path: file('plain.qcow2'), format: 'qcow2', clusterSize },
    );
    expect(statSync(image).size).toBeLessThan(statSync(file('plain.qcow2')).size - 4 * MiB);
    const wrong = convertDisk(
      { path: raw, format: 'raw', allowedFolders: [] },
      { path: file('no.vdi'), format: 'vdi', compressed: true },
    );
    await expect(wrong).rejects.toMatchObject({ code: 'unsupported' });
  },
);

describe('the log of a VHDX', () => {
  /** An image whose writer was killed behind a write; the log has the table's last change. */
  function killed(): string {
    const raw = makeRaw(8 * MiB);
    const image = file('disk.vhdx');
    qemuImg('convert', '-f', 'raw', '-O', 'vhdx', '-o', 'block_size=1M', raw, image);
    const before = new Uint8Array(readFileSync(image));
    spawnSync('qemu-io', [
      '-f',
      'vhdx',
      '-c',
      'write -P 5 2M 1M',
      '-c',
      'flush',
      '-c',
      'abort',
      image,
    ]);
    // As if the table itself had not reached the disk, only the log.
    const after = new Uint8Array(readFileSync(image));
    // Before: headers and log; behind: the data.
    const tables = [2 * MiB, before.length] as const;
    const old = before.subarray(...tables);
    expect(Buffer.compare(after.subarray(...tables), old)).not.toBe(0);
    after.set(old, tables[0]);
    // QEMU empties the log once the table is there: its entry counts again.
    const entry = after.subarray(MiB, MiB + 64);
    for (const at of [64 << 10, 128 << 10]) {
      const header = after.subarray(at, at + 4096);
      header.set(entry.subarray(32, 48), 48);
      seal(header);
    }
    writeFileSync(image, after);
    return image;
  }

  test('is replayed as QEMU replays it, in memory for a disk that is only read', async () => {
    const image = killed();
    copyFileSync(image, file('theirs.vhdx'));
    qemuImg('check', '-r', 'all', '-f', 'vhdx', file('theirs.vhdx'));
    qemuImg('convert', '-f', 'vhdx', '-O', 'raw', file('theirs.vhdx'), file('wanted'));
    const wanted = readFileSync(file('wanted'));
    expect(wanted.subarray(2 * MiB, 3 * MiB).every((byte) => byte === 5)).toBe(true);
    const before = readFileSync(image);
    for (const readOnly of [true, false]) {
      const disk = await openDisk({ path: image, format: 'auto', readOnly });
      const content = Buffer.alloc(disk.size);
      await disk.read(0, [content]);
      await disk.close();
      expect(content.equals(wanted)).toBe(true);
      if (readOnly) expect(readFileSync(image).equals(before)).toBe(true);
    }
    // Ours has been replayed in the file, so QEMU needs no repair.
    qemuCheck(image, 'vhdx');
    qemuCompare(image, 'vhdx', file('wanted'));
  });
});
