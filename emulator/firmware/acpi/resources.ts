/** Resource descriptors, ACPI 6.4 §6.4: what _CRS and _PRS return. */
import { buffer, join, type Aml } from './aml.ts';

const le = (n: number, size: number): number[] =>
  Array.from({ length: size }, (_, i) => Math.floor(n / 2 ** (8 * i)) & 0xff);

/** §6.4.2.5 I/O port descriptor, fixed range, 16-bit decode. */
export const ioPorts = (base: number, length: number): Aml =>
  Uint8Array.from([0x47, 0x01, ...le(base, 2), ...le(base, 2), 1, length]);

/** §6.4.2.1 IRQ descriptor without flags: edge triggered, active high, exclusive. */
export const irq = (...numbers: number[]): Aml =>
  Uint8Array.from([
    0x22,
    ...le(
      numbers.reduce((mask, n) => mask | (1 << n), 0),
      2,
    ),
  ]);

/** §6.4.2.2 DMA descriptor: 8-bit transfers, no bus master, compatibility speed. */
export const dma = (channel: number): Aml => Uint8Array.from([0x2a, 1 << channel, 0]);

/** §6.4.2.1 IRQ descriptor: level triggered, active low, shared, as PCI interrupts are. */
export const pciIrq = (...numbers: number[]): Aml =>
  Uint8Array.from([
    0x23,
    ...le(
      numbers.reduce((mask, n) => mask | (1 << n), 0),
      2,
    ),
    0x18,
  ]);

/** §6.4.3.2 fixed memory range, read-write. */
export const fixedMemory = (base: number, length: number): Aml =>
  Uint8Array.from([0x86, 9, 0, 1, ...le(base, 4), ...le(length, 4)]);

/** §6.4.3.5 address space descriptors: minimum and maximum fixed, positive decode, producer. */
function addressSpace(
  size: 2 | 4,
  type: number,
  typeFlags: number,
  first: number,
  last: number,
): Aml {
  const tag = size === 2 ? 0x88 : 0x87;
  const body = [type, 0x0c, typeFlags];
  for (const value of [0, first, last, 0, last - first + 1]) body.push(...le(value, size));
  return Uint8Array.from([tag, ...le(body.length, 2), ...body]);
}

export const busNumbers = (first: number, last: number): Aml => addressSpace(2, 2, 0, first, last);
/** Entire range, both ISA and non-ISA addresses. */
export const ioWindow = (first: number, last: number): Aml => addressSpace(2, 1, 3, first, last);
/** Read-write; cacheable bits 0 is non-cacheable. */
export const memoryWindow = (first: number, last: number): Aml =>
  addressSpace(4, 0, 1, first, last);

/** A resource template: the descriptors and the end tag (§6.4.2.9; checksum 0 is always right). */
export const resources = (...descriptors: Aml[]): Aml =>
  buffer(join([...descriptors, Uint8Array.of(0x79, 0)]));
