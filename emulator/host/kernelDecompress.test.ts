import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bootableKernel, extractVmlinux } from './kernelDecompress.ts';

/** Real x86 code, so that the branch filter has something to do; repetitive and random parts. */
const payload = Buffer.concat([
  readFileSync(process.execPath).subarray(0, 2 << 20),
  Buffer.alloc(9 << 20, 'abcdefghijklmnop'),
  randomBytes(100_000),
]);

const tool = (command: string, args: readonly string[]): Buffer | undefined => {
  try {
    return execFileSync(command, args, {
      input: payload,
      maxBuffer: 64 << 20,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** A bzImage as far as its payload fields go; the build appends the unpacked size except for gzip. */
const bzImageOf = (compressed: Uint8Array, withSize = true) => {
  const setup = Buffer.alloc(2 * 512);
  setup[0x1f1] = 1;
  setup.writeUInt16LE(0xaa55, 0x1fe);
  setup.write('HdrS', 0x202);
  setup.writeUInt16LE(0x20f, 0x206);
  setup[0x211] = 1;
  const size = Buffer.alloc(withSize ? 4 : 0);
  if (withSize) size.writeUInt32LE(payload.length);
  const startup = 0x300;
  setup.writeUInt32LE(startup, 0x248);
  setup.writeUInt32LE(compressed.length + size.length, 0x24c);
  return Buffer.concat([setup, Buffer.alloc(startup), compressed, size, Buffer.alloc(100)]);
};

describe('vmlinux out of a bzImage', () => {
  test.for([
    ['gzip', ['-3c'], false],
    ['xz', ['--check=crc32', '--x86', '--lzma2=dict=32MiB', '-c'], true],
    ['xz', ['--check=crc32', '--lzma2=preset=1', '-c'], true],
    ['xz', ['--check=crc64', '--x86', '--lzma2=preset=0', '--block-size=1MiB', '-c'], true],
    ['lz4', ['-l', '-9', '-c'], true],
    ['zstd', ['-3', '-c'], true],
  ] as const)('that was packed by %s %s', async ([command, args, withSize], context) => {
    const compressed = tool(command, args);
    if (compressed === undefined) return context.skip(`${command} is not installed`);
    const vmlinux = await extractVmlinux(bzImageOf(compressed, withSize));
    expect(vmlinux !== undefined && Buffer.compare(vmlinux, payload)).toBe(0);
  });

  test('is not invented where the compression is unknown or the payload damaged', async () => {
    const unknown = bzImageOf(Buffer.from('BZh91AY&SY...'));
    expect(await extractVmlinux(unknown)).toBeUndefined();
    expect(await bootableKernel(unknown)).toBe(unknown);
    await expect(bootableKernel(unknown, 'pvh')).rejects.toThrow(/cannot be unpacked/);
    const packed = tool('xz', ['--check=crc32', '--x86', '--lzma2=preset=0', '-c']);
    if (packed === undefined) return;
    packed[packed.length >> 1] = (packed[packed.length >> 1] ?? 0) ^ 0x10;
    const damaged = bzImageOf(packed);
    await expect(extractVmlinux(damaged)).rejects.toThrow();
    expect(await bootableKernel(damaged)).toBe(damaged);
  });

  test('is refused if it has not the size that the build wrote after it', async () => {
    // A frame of one block, "abc"; bzImageOf appends the size of another content.
    const packed = Buffer.from('02214c180400000030616263', 'hex');
    await expect(extractVmlinux(bzImageOf(packed))).rejects.toThrow(/has 3 bytes unpacked/);
  });

  test('is not asked of an ELF kernel', async () => {
    await expect(bootableKernel(readFileSync(process.execPath))).rejects.toThrow(/not a kernel/);
  });
});
