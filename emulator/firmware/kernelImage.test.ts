import { beforeEach, describe, expect, test } from 'vitest';
import { guestPhysical } from '../bus/types.ts';
import { ArrayMemory } from '../devices/virtio/testing/arrayMemory.ts';
import type { E820Entry } from './bootMemory.ts';
import { withPlainPayload } from './bzImage.ts';
import { detectKernel, loadKernel } from './kernelImage.ts';
import { KernelImageError } from './kernelImageError.ts';

const MIB = 1 << 20;
const ramSize = 64 * MIB;
const e820: E820Entry[] = [
  { start: 0, size: 0x9fc00, type: 1 },
  { start: 0x9fc00, size: 0x400, type: 2 },
  { start: 0xf0000, size: 0x10000, type: 2 },
  { start: MIB, size: 62 * MIB, type: 1 },
  { start: 63 * MIB, size: MIB, type: 3 },
];
const acpiRsdp = 63 * MIB;
const initrd = Uint8Array.from({ length: 5000 }, (_, i) => i & 0xff);

let memory: ArrayMemory;
beforeEach(() => {
  memory = new ArrayMemory(ramSize);
  // What a reset leaves behind: zeroing must be explicit.
  memory.bytes.fill(0xcc);
});

const u16 = (at: number) => memory.readU16(guestPhysical(at));
const u32 = (at: number) => memory.readU32(guestPhysical(at));
const u64 = (at: number) => Number(memory.readU64(guestPhysical(at)));
const text = (at: number) => {
  const end = memory.bytes.indexOf(0, at);
  return new TextDecoder().decode(memory.bytes.subarray(at, end));
};
const boot = (kernel: Uint8Array, commandLine = 'console=ttyS0') =>
  loadKernel({ kernel, initrd, commandLine, memory, e820, acpiRsdp });
const failure = (kernel: Uint8Array): string => {
  try {
    boot(kernel);
  } catch (error) {
    expect(error).toBeInstanceOf(KernelImageError);
    expect((error as KernelImageError).hint).toBeTruthy();
    return (error as Error).message;
  }
  throw new Error('it was loaded');
};

interface Segment {
  readonly type: number;
  readonly physical: number;
  readonly content: Uint8Array;
  readonly memorySize?: number;
}
/** gABI 4.1, both widths. */
const elf = (
  bits: 32 | 64,
  entry: number,
  segments: readonly Segment[],
  machine = bits === 64 ? 62 : 3,
) => {
  const [header, entrySize] = bits === 64 ? [64, 56] : [52, 32];
  let at = header + entrySize * segments.length;
  const total = segments.reduce((sum, s) => sum + s.content.length, at);
  const file = new Uint8Array(total);
  const view = new DataView(file.buffer);
  const word = (where: number, value: number) =>
    bits === 64
      ? view.setBigUint64(where, BigInt(value), true)
      : view.setUint32(where, value, true);
  file.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, machine, true);
  word(24, entry);
  word(bits === 64 ? 32 : 28, header);
  view.setUint16(bits === 64 ? 54 : 42, entrySize, true);
  view.setUint16(bits === 64 ? 56 : 44, segments.length, true);
  segments.forEach((s, i) => {
    const p = header + entrySize * i;
    view.setUint32(p, s.type, true);
    word(p + (bits === 64 ? 8 : 4), at);
    word(p + (bits === 64 ? 24 : 12), s.physical);
    word(p + (bits === 64 ? 32 : 16), s.content.length);
    word(p + (bits === 64 ? 40 : 20), s.memorySize ?? s.content.length);
    file.set(s.content, at);
    at += s.content.length;
  });
  return file;
};
const note = (name: string, type: number, value: number) => {
  const bytes = new Uint8Array(12 + 4 + 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, name.length + 1, true);
  view.setUint32(4, 4, true);
  view.setUint32(8, type, true);
  bytes.set(new TextEncoder().encode(name), 12);
  view.setUint32(16, value, true);
  return bytes;
};
const [LOAD, INTERP, NOTE] = [1, 3, 4];
const code = Uint8Array.of(1, 2, 3, 4);
const pvhKernel = (bits: 32 | 64 = 64) =>
  elf(bits, 0x999, [
    { type: LOAD, physical: 0x1000000, content: code, memorySize: 0x3000 },
    { type: NOTE, physical: 0, content: note('Xen', 18, 0x1000370) },
  ]);

interface HeaderChoice {
  readonly version?: number;
  readonly loadFlags?: number;
  readonly extended?: number;
  readonly preferred?: number;
  readonly initSize?: number;
  readonly relocatable?: number;
}
/** boot.rst "The Real-Mode Kernel Header". */
const bzImage = (choice: HeaderChoice = {}) => {
  const file = new Uint8Array(5 * 512 + 4096);
  const view = new DataView(file.buffer);
  file[0x1f1] = 4;
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint16(0x200, 0x6aeb, true);
  file.set(new TextEncoder().encode('HdrS'), 0x202);
  view.setUint16(0x206, choice.version ?? 0x20f, true);
  file[0x211] = choice.loadFlags ?? 1;
  view.setUint32(0x22c, 0x7fffffff, true);
  file[0x234] = choice.relocatable ?? 1;
  view.setUint16(0x236, choice.extended ?? 1, true);
  view.setUint32(0x238, 2047, true);
  view.setBigUint64(0x258, BigInt(choice.preferred ?? 0x1000000), true);
  view.setUint32(0x260, choice.initSize ?? 0x200000, true);
  file.fill(0x90, 5 * 512);
  return file;
};

describe('the bzImage loader', () => {
  test('enters a 64-bit kernel 0x200 behind its start with identity-mapped paging', () => {
    const entry = boot(bzImage());
    expect(entry).toMatchObject({ mode: 'long64', rip: 0x1000200 });
    expect(memory.bytes[0x1000000]).toBe(0x90);
    // CR3 → PML4[0] → PDPT[0..3] → 2 MiB pages (SDM 3A §4.5).
    const pml4 = entry.cr3 ?? 0;
    for (const address of [0, 0x1234567, 0xfee00000]) {
      const pdpt = u64(pml4) & ~0xfff;
      const directory = u64(pdpt + 8 * Math.floor(address / 2 ** 30)) & ~0xfff;
      const page = u64(directory + 8 * (Math.floor(address / 2 ** 21) % 512));
      expect(page % 4096).toBe(0x83);
      expect(page - (page % 4096)).toBe(Math.floor(address / 2 ** 21) * 2 ** 21);
    }
    // 0x10 is a 64-bit code segment, 0x18 data; both flat and present (SDM 3A §3.4.5).
    const gdt = entry.gdt?.base ?? 0;
    expect(memory.readU64(guestPhysical(gdt + 0x10))).toBe(0x00af9b000000ffffn);
    expect(memory.readU64(guestPhysical(gdt + 0x18))).toBe(0x00cf93000000ffffn);
  });

  test('fills in the zero page', () => {
    const { rsi = 0 } = boot(bzImage(), 'root=/dev/vda quiet');
    expect(u16(rsi + 0x1fe)).toBe(0xaa55);
    expect(memory.bytes[rsi + 0x210]).toBe(0xff);
    expect(text(u32(rsi + 0x228))).toBe('root=/dev/vda quiet');
    expect(u64(rsi + 0x70)).toBe(acpiRsdp);
    const at = u32(rsi + 0x218);
    expect(u32(rsi + 0x21c)).toBe(initrd.length);
    expect(at % 4096).toBe(0);
    expect(at + initrd.length).toBeLessThanOrEqual(63 * MIB);
    expect(at).toBeGreaterThan(62 * MIB);
    expect(memory.bytes.slice(at, at + initrd.length)).toEqual(initrd);
    expect(memory.bytes[rsi + 0x1e8]).toBe(e820.length);
    expect([3, 4].map((i) => [0, 8].map((f) => u64(rsi + 0x2d0 + 20 * i + f)))).toEqual([
      [MIB, 62 * MIB],
      [63 * MIB, MIB],
    ]);
    // Everything else of the page is zero, as boot.rst asks.
    expect(memory.bytes.subarray(rsi, rsi + 0x70).every((byte) => byte === 0)).toBe(true);
  });

  test('enters a 32-bit kernel at its start in protected mode', () => {
    const entry = boot(bzImage({ extended: 0 }));
    expect(entry).toMatchObject({ mode: 'protected32', rip: 0x1000000 });
    expect(memory.readU64(guestPhysical((entry.gdt?.base ?? 0) + 0x10))).toBe(0x00cf9b000000ffffn);
  });

  test('moves a relocatable kernel to 1 MiB where its preferred place is no RAM', () => {
    expect(boot(bzImage({ preferred: 0x10000000 })).rip).toBe(MIB + 0x200);
    expect(failure(bzImage({ preferred: 0x10000000, relocatable: 0 }))).toContain(
      'needs memory up to',
    );
  });

  test.each([32, 64] as const)('enters the %i-bit vmlinux of an unpacked kernel', (bits) => {
    const vmlinux = elf(bits, 0x1000040, [
      { type: LOAD, physical: 0x1000000, content: code, memorySize: 0x2000 },
      { type: LOAD, physical: 0x2000000, content: code },
    ]);
    const entry = boot(withPlainPayload(bzImage({ extended: bits === 64 ? 1 : 0 }), vmlinux));
    expect(entry).toMatchObject({ mode: bits === 64 ? 'long64' : 'protected32', rip: 0x1000040 });
    expect(memory.bytes.slice(0x2000000, 0x2000005)).toEqual(Uint8Array.of(1, 2, 3, 4, 0xcc));
    expect(memory.bytes[0x1001fff]).toBe(0);
    expect(text(u32((entry.rsi ?? 0) + 0x228))).toBe('console=ttyS0');
  });

  test('says what an old or too large kernel lacks', () => {
    expect(failure(bzImage({ version: 0x203 }))).toContain('boot protocol 2.03');
    expect(failure(bzImage({ loadFlags: 0 }))).toContain('2.06 is the oldest');
    expect(failure(bzImage({ initSize: 0x10000000 }))).toMatch(/needs memory up to 27\d MiB/);
    expect(() => boot(bzImage(), 'x'.repeat(2048))).toThrow(/takes 2047/);
  });
});

describe('the PVH loader', () => {
  test.each([32, 64] as const)('enters a %i-bit ELF by its Xen note', (bits) => {
    const entry = boot(pvhKernel(bits), 'console=hvc0');
    expect(entry).toMatchObject({ mode: 'protected32', rip: 0x1000370 });
    expect(memory.bytes.slice(0x1000000, 0x1000005)).toEqual(Uint8Array.of(1, 2, 3, 4, 0));
    expect(memory.bytes[0x1002fff]).toBe(0);
    expect(memory.bytes[0x1003000]).toBe(0xcc);
    // start_info.h, version 1.
    const info = entry.rbx ?? 0;
    expect([u32(info), u32(info + 4), u32(info + 12)]).toEqual([0x336ec578, 1, 1]);
    expect(text(u64(info + 24))).toBe('console=hvc0');
    expect(u64(info + 32)).toBe(acpiRsdp);
    const modules = u64(info + 16);
    expect(u64(modules + 8)).toBe(initrd.length);
    expect(memory.bytes.slice(u64(modules), u64(modules) + 8)).toEqual(initrd.slice(0, 8));
    const map = u64(info + 40);
    expect(u32(info + 48)).toBe(e820.length);
    expect([u64(map + 4 * 24), u64(map + 4 * 24 + 8), u32(map + 4 * 24 + 16)]).toEqual([
      63 * MIB,
      MIB,
      3,
    ]);
  });

  test('says how much memory a kernel needs', () => {
    const kernel = elf(64, 0, [
      { type: LOAD, physical: 0x1000000, content: code, memorySize: 0x8000000 },
      { type: NOTE, physical: 0, content: note('Xen', 18, 0x1000000) },
    ]);
    expect(failure(kernel)).toBe(
      'The kernel needs memory up to 144 MiB, and the machine has 63 MiB.',
    );
  });
});

describe('the Multiboot loader', () => {
  const multibootHeader = (flags: number, fields: readonly number[] = []) => {
    const bytes = new Uint8Array(12 + 4 * fields.length);
    const view = new DataView(bytes.buffer);
    [0x1badb002, flags, -(0x1badb002 + flags), ...fields].forEach((v, i) =>
      view.setUint32(4 * i, v, true),
    );
    return bytes;
  };

  test.each([32, 64] as const)('enters a %i-bit ELF with the information in EBX', (bits) => {
    const kernel = elf(bits, 0x200010, [
      { type: LOAD, physical: 0x200000, content: multibootHeader(3) },
    ]);
    const entry = boot(kernel, 'test');
    expect(entry).toMatchObject({ mode: 'protected32', rip: 0x200010, rax: 0x2badb002 });
    const info = entry.rbx ?? 0;
    expect(u32(info) & 0x4d).toBe(0x4d);
    expect([u32(info + 4), u32(info + 8)]).toEqual([Math.floor(0x9fc00 / 1024), 62 * 1024]);
    expect(text(u32(info + 16))).toBe('test');
    expect(u32(info + 20)).toBe(1);
    const module = u32(info + 24);
    expect(u32(module + 4) - u32(module)).toBe(initrd.length);
    const [length, map] = [u32(info + 44), u32(info + 48)];
    expect(length).toBe(24 * e820.length);
    expect([u32(map), u64(map + 4 + 24 * 3), u32(map + 20 + 24 * 3)]).toEqual([20, MIB, 1]);
  });

  test('loads a flat image by the addresses in its header', () => {
    const header = multibootHeader(0x10003, [0x300010, 0x300000, 0, 0x304000, 0x300044]);
    const file = new Uint8Array(0x100);
    file.set(header, 0x10);
    file[0x44] = 0xf4;
    expect(boot(file)).toMatchObject({ rip: 0x300044 });
    expect(memory.bytes[0x300044]).toBe(0xf4);
    expect(memory.bytes[0x303fff]).toBe(0);
    expect(
      failure(
        new Uint8Array([
          ...file.slice(0, 0x10),
          ...multibootHeader(0x10003, [0x300000, 0x310000, 0, 0, 0]),
          ...file,
        ]),
      ),
    ).toContain('do not fit');
    expect(failure(Uint8Array.from([...multibootHeader(3), ...new Uint8Array(64)]))).toContain(
      'neither an ELF',
    );
  });
});

describe('a file that is no kernel', () => {
  const padded = (start: string, length = 1024) => {
    const bytes = new Uint8Array(length);
    [...start].forEach((c, i) => (bytes[i] = c.charCodeAt(0)));
    return bytes;
  };
  test('is named for what it is', () => {
    expect(failure(new Uint8Array(0))).toBe('The file is empty, not a kernel.');
    expect(failure(padded('070701'))).toContain('a cpio archive (an initrd)');
    expect(failure(padded('\x1f\x8b'))).toContain('gzip');
    expect(failure(padded('QFI\xfb'))).toContain('a qcow2 disk image');
    expect(failure(padded('MZ'))).toContain('an EFI or DOS program');
    expect(failure(new TextEncoder().encode('hello\nworld\n'))).toContain('plain text');
    expect(failure(padded('\x01\x02\x03'))).toContain('of an unknown kind');
    expect(failure(elf(64, 0, [{ type: INTERP, physical: 0, content: code }]))).toContain(
      'a program for Linux',
    );
    expect(failure(elf(64, 0, [], 183))).toContain('for ARM64');
    expect(failure(elf(64, 0, []))).toContain('neither a PVH entry note nor a Multiboot header');
  });

  test('and a kernel that is cut off is said to be damaged', () => {
    expect(failure(pvhKernel().subarray(0, 190))).toContain('damaged');
    expect(failure(pvhKernel().subarray(0, 100))).toContain('damaged');
  });

  test('is told from kernels by content alone', () => {
    expect(detectKernel(bzImage()).kind).toBe('bzImage');
    expect(detectKernel(pvhKernel()).kind).toBe('pvh');
  });
});
