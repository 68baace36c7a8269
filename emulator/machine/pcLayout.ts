/**
 * Every address, port and IRQ number of the PC, in one place. The shape is that of an Intel 440FX
 * board (82441FX, 82371SB, 82371AB), which every PC operating system knows.
 */

export const MiB = 0x100000;
export const GiB = 0x40000000;

// --- Physical memory ----------------------------------------------------------------------------

/** Conventional memory; what is above belongs to video memory. */
export const conventionalEnd = 0xa0000;
/** The graphics card's window. */
export const videoWindow = { start: 0xa0000, size: 0x20000 } as const;
/** Adapter ROMs and BIOS: RAM here, where firmware shadows itself and the tables lie. */
export const shadowStart = 0xc0000;
/** ACPI tables, fw_cfg's copies aside; scanned for the RSDP by 16 bytes (ACPI 6.4 §5.2.5.1). */
export const acpiTablesStart = 0xe0000;
export const acpiTablesEnd = 0x100000;
/** SMBIOS, MP and $PIR tables, whose signatures are looked for in the F segment. */
export const lowTablesStart = 0xf0000;
/** RAM goes on at 4 GiB beyond this: the 1 GiB below holds the PCI hole and the APICs. */
export const lowRamLimit = 3 * GiB;
/** 32-bit BARs are assigned here. */
export const pciMemoryStart = 0xe0000000;
export const pciMemoryEnd = 0xfec00000;
/** SeaBIOS and OVMF place them above RAM, from 2 GiB on at the earliest. */
export const firmwarePciStart = (memory: number): number => (memory <= 2 * GiB ? 2 * GiB : 3 * GiB);
export const ioApicBase = 0xfec00000;
export const localApicBase = 0xfee00000;

export interface RamRange {
  /** Guest physical start, size and the place in the machine's RAM array, in bytes. */
  readonly start: number;
  readonly size: number;
  readonly ramOffset: number;
}

/**
 * Where `memory` bytes of RAM appear. The 128 KiB under video memory are not reachable; those for ROMs are left to the
 * host bridge if `shadowed`.
 */
export function ramRanges(memory: number, shadowed = false): RamRange[] {
  const low = Math.min(memory, lowRamLimit);
  const next = shadowed ? MiB : shadowStart;
  const ranges: RamRange[] = [
    { start: 0, size: conventionalEnd, ramOffset: 0 },
    { start: next, size: low - next, ramOffset: next },
  ];
  if (memory > low) ranges.push({ start: 4 * GiB, size: memory - low, ramOffset: low });
  return ranges;
}

/** Types as in INT 15h E820h (ACPI 6.4 §15.4). */
export interface MemoryMapEntry {
  readonly start: number;
  readonly size: number;
  readonly type: 1 | 2 | 3 | 4;
}

/** The memory map that kernels are told, ascending. */
export function memoryMap(memory: number): MemoryMapEntry[] {
  const low = Math.min(memory, lowRamLimit);
  // The last KiB of conventional memory is the extended BIOS data area of every PC.
  const extendedBiosData = 0x9fc00;
  const map: MemoryMapEntry[] = [
    { start: 0, size: extendedBiosData, type: 1 },
    { start: extendedBiosData, size: conventionalEnd - extendedBiosData, type: 2 },
    { start: acpiTablesStart, size: acpiTablesEnd - acpiTablesStart, type: 2 },
    { start: MiB, size: low - MiB, type: 1 },
  ];
  if (memory > low) map.push({ start: 4 * GiB, size: memory - low, type: 1 });
  return map;
}

// --- I/O ports ----------------------------------------------------------------------------------

export const ports = {
  dmaFirst: 0x00,
  picMaster: 0x20,
  pit: 0x40,
  keyboardData: 0x60,
  systemControlB: 0x61,
  keyboardCommand: 0x64,
  rtc: 0x70,
  post: 0x80,
  dmaPages: 0x81,
  systemControlA: 0x92,
  picSlave: 0xa0,
  dmaSecond: 0xc0,
  apm: 0xb2,
  /** Bochs VBE: index, and data twice. */
  vbe: 0x1ce,
  /** Registers but the one beside IDE's. */
  floppy: 0x3f0,
  floppyChange: 0x3f7,
  /** VGA: 0x3b0..0x3df. */
  vga: 0x3b0,
  debugConsole: 0xe9,
  debugExit: 0xf4,
  picLevels: 0x4d0,
  fwCfg: 0x510,
  fwCfgDma: 0x514,
  /** Where the stubs of our BIOS call its services. */
  bios: 0x520,
  powerManagement: 0x600,
  pciConfig: 0xcf8,
  /** I/O BARs are assigned from here up. */
  pciStart: 0xc000,
  pciEnd: 0x10000,
} as const;

/** ISA DMA channel. */
export const floppyDmaChannel = 2;

export interface ComPort {
  readonly base: number;
  readonly irq: number;
}
export const comPorts: readonly ComPort[] = [
  { base: 0x3f8, irq: 4 },
  { base: 0x2f8, irq: 3 },
  { base: 0x3e8, irq: 4 },
  { base: 0x2e8, irq: 3 },
];

/** Primary and secondary IDE channel. */
export const ideChannels = [
  { command: 0x1f0, control: 0x3f6, irq: 14 },
  { command: 0x170, control: 0x376, irq: 15 },
] as const;

// --- Interrupts ---------------------------------------------------------------------------------

export const isaIrqs = {
  pit: 0,
  keyboard: 1,
  cascade: 2,
  floppy: 6,
  rtc: 8,
  sci: 9,
  mouse: 12,
} as const;
/** The PIT reaches the I/O APIC on pin 2, as a source override says (ACPI 6.4 §5.2.12.5). */
export const pitIoApicPin = 2;
/** ISA IRQ of PIRQA..D as firmware leaves them: level triggered, shared. */
export const pirqIsaIrqs: readonly number[] = [10, 10, 11, 11];
/** PIRQA..D reach the I/O APIC on pins of their own as well. */
export const pirqIoApicPin = 16;
export const ioApicId = 0;

// --- PCI devices --------------------------------------------------------------------------------

export const pciSlots = {
  hostBridge: 0,
  southBridge: 1,
  display: 2,
  firstVirtio: 3,
  /** Eight of them, whatever the others take. */
  firstAdapter: 23,
  ahci: 31,
} as const;
/** Functions of the south bridge, 82371. */
export const southBridge = { isa: 0, ide: 1, powerManagement: 3 } as const;
