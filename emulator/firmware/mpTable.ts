/** MultiProcessor Specification 1.4 §4: how interrupts reach the I/O APIC, for systems without ACPI. */
import type { AcpiPlatform } from './acpi/platform.ts';
import { ByteWriter, checksum } from './byteWriter.ts';

const PCI_BUS = 0;
const ISA_BUS = 1;
/** Polarity and trigger: as the bus has them, or active high and level. */
const CONFORMS = 0;
const HIGH_LEVEL = 0x0d;
const types = { interrupt: 0, nmi: 1, external: 3 };

/** The configuration table (§4.2). `signature` and `features` are CPUID leaf 1's EAX and EDX. */
export function mpConfiguration(
  platform: AcpiPlatform,
  cpu: { readonly signature: number; readonly features: number },
): Uint8Array {
  const entries = new ByteWriter();
  let count = 0;
  const entry = (): ByteWriter => {
    count++;
    return entries;
  };
  for (let id = 0; id < platform.cpus; id++) {
    // Enabled; the first is the boot processor.
    entry()
      .u8(0, id, 0x14, id === 0 ? 3 : 1)
      .u32(cpu.signature)
      .u32(cpu.features)
      .zeroes(8);
  }
  entry().u8(1, PCI_BUS).ascii('PCI   ');
  entry().u8(1, ISA_BUS).ascii('ISA   ');
  entry().u8(2, platform.ioApicId, 0x20, 1).u32(platform.ioApicBase);
  const interrupt = (
    type: number,
    flags: number,
    bus: number,
    source: number,
    pin: number,
  ): void => {
    entry().u8(3, type).u16(flags).u8(bus, source, platform.ioApicId, pin);
  };
  for (let irq = 0; irq < 16; irq++) {
    const moved = platform.overrides.find((o) => o.irq === irq);
    const pin = moved?.gsi ?? irq;
    // A pin that another IRQ was moved to has no ISA interrupt of its own.
    if (moved === undefined && platform.overrides.some((o) => o.gsi === irq)) continue;
    interrupt(types.interrupt, moved?.flags ?? CONFORMS, ISA_BUS, irq, pin);
  }
  for (let device = 1; device < 32; device++) {
    for (let pin = 1; pin <= 4; pin++) {
      const gsi = platform.pirqGsi + platform.pirqOf(device, pin);
      interrupt(types.interrupt, HIGH_LEVEL, PCI_BUS, (device << 2) | (pin - 1), gsi);
    }
  }
  entry().u8(4, types.external).u16(CONFORMS).u8(ISA_BUS, 0, 0, 0);
  entry().u8(4, types.nmi).u16(CONFORMS).u8(ISA_BUS, 0, 0xff, 1);

  const header = new ByteWriter()
    .ascii('PCMP')
    .u16(44 + entries.length)
    .u8(4, 0);
  header
    .ascii('GUESTH  ')
    .ascii('GUESTHOUSEPC')
    .u32(0)
    .u16(0)
    .u16(count)
    .u32(platform.localApicBase)
    .u32(0);
  const table = header.append(entries).finish();
  table[7] = checksum(table);
  return table;
}

/** The floating pointer (§4.1) to a configuration table at `address`; virtual wire mode. */
export function mpPointer(address: number): Uint8Array {
  const bytes = new ByteWriter().ascii('_MP_').u32(address).u8(1, 4, 0, 0, 0).zeroes(3).finish();
  bytes[10] = checksum(bytes);
  return bytes;
}
