import type { TestCpu } from './testCpu.ts';
import { codeAddress, gdtAddress, handlerAddress, idtAddress, u32 } from './testCpu.ts';

/** For tests: 64-bit mode on 4 KiB pages. Two address spaces map the first 2 MiB one to one. */
export const spaces = [
  { cr3: 0x10000, pages: 0x13000 },
  { cr3: 0x14000, pages: 0x17000 },
] as const;

const u64 = (value: bigint): number[] => [
  ...u32(Number(value & 0xffffffffn)),
  ...u32(Number(value >> 32n)),
];

/** Address of the entry that maps `linear` in a space. */
export const entryOf = (space: 0 | 1, linear: number): number =>
  spaces[space].pages + 8 * (linear >> 12);

/** Code of `mov qword [address], value`, value of 31 bits. */
export const store64 = (address: number, value: number): number[] => [
  ...[0x48, 0xc7, 0x04, 0x25],
  ...u32(address),
  ...u32(value),
];
/** Code of `mov rax, value; mov cr3, rax`. */
export const loadCr3 = (value: bigint): number[] => [0x48, 0xb8, ...u64(value), 0x0f, 0x22, 0xd8];
/** Code of `mov rax, cr4; or rax, bits; mov cr4, rax`. */
export const setCr4 = (bits: number): number[] => [
  ...[0x0f, 0x20, 0xe0],
  ...[0x48, 0x0d, ...u32(bits)],
  ...[0x0f, 0x22, 0xe0],
];
/** Code of `invlpg [address]`. */
export const invlpg = (address: number): number[] => [0x0f, 0x01, 0x3c, 0x25, ...u32(address)];
/** Code of `mov ecx, count; (call target; dec ecx; jnz) x count`, to lie at `at`. */
export const callRepeatedly = (at: number, target: number, count: number): number[] => [
  ...[0xb9, ...u32(count)],
  ...[0xe8, ...u32(target - (at + 10))],
  ...[0xff, 0xc9, 0x75, 0xf7],
];

/** Puts pieces one behind the other; each is told where it lies. */
export function assemble(
  at: number,
  ...pieces: readonly (readonly number[] | ((at: number) => readonly number[]))[]
): number[] {
  const code: number[] = [];
  for (const piece of pieces)
    code.push(...(typeof piece === 'function' ? piece(at + code.length) : piece));
  return code;
}

/** Code lies at codeAddress behind eight bytes of LIDT. */
export const firstLong = codeAddress + 8;

/** `code` runs at firstLong in ring 0; handlers get their own bytes. */
export function startLong(
  cpu: TestCpu,
  code: readonly number[],
  handlers: Readonly<Record<number, readonly number[]>> = {},
): void {
  for (const { cr3, pages } of spaces) {
    cpu.write(cr3, ...u32(cr3 + 0x1003));
    cpu.write(cr3 + 0x1000, ...u32(cr3 + 0x2003));
    cpu.write(cr3 + 0x2000, ...u32(pages + 3));
    for (let page = 0; page < 512; page++) cpu.write(pages + 8 * page, ...u32(page * 0x1000 + 3));
  }
  cpu.write(gdtAddress + 0x10, 0xff, 0xff, 0, 0, 0, 0x9b, 0xaf, 0);
  cpu.write(gdtAddress + 0x18, 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0);
  for (const [vector, bytes] of Object.entries(handlers)) {
    const at = handlerAddress(Number(vector));
    const gate = [at & 0xff, (at >> 8) & 0xff, 0x10, 0, 0, 0x8e, at >> 16, 0, ...u32(0), ...u32(0)];
    cpu.write(idtAddress + 16 * Number(vector), ...gate);
    cpu.write(at, ...bytes);
  }
  cpu.write(0x700, 0xff, 0x0f, ...u32(idtAddress), ...u32(0));
  const lidt = [0x0f, 0x01, 0x1c, 0x25, ...u32(0x700)];
  cpu.write(codeAddress, ...lidt, ...code);
  cpu.vcpu.setEntry({
    mode: 'long64',
    rip: codeAddress,
    rsp: 0x80000,
    cr3: spaces[0].cr3,
    gdt: { base: gdtAddress, limit: 0x1f },
  });
}
