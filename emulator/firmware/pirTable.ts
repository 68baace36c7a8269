/** PCI IRQ routing table ("$PIR", Microsoft, PCI IRQ Routing Table Specification 1.0). */
import type { AcpiPlatform } from './acpi/platform.ts';
import { ByteWriter, checksum } from './byteWriter.ts';

/** ISA IRQs that the router can use: 3 to 7, 9 to 12, 14, 15. */
const routable = 0xdef8;
const piix3 = { vendor: 0x8086, device: 0x7000 };

/** `slots` are the device numbers on bus 0 that can have interrupts. */
export function pirTable(platform: AcpiPlatform, slots: readonly number[]): Uint8Array {
  const w = new ByteWriter()
    .ascii('$PIR')
    .u16(0x0100)
    .u16(32 + 16 * slots.length);
  w.u8(0, platform.isaBridgeSlot << 3)
    .u16(0)
    .u16(piix3.vendor)
    .u16(piix3.device)
    .u32(0)
    .zeroes(12);
  for (const device of slots) {
    w.u8(0, device << 3);
    for (let pin = 1; pin <= 4; pin++) {
      w.u8(platform.pirqRouteControl + platform.pirqOf(device, pin)).u16(routable);
    }
    w.u8(0, 0);
  }
  const bytes = w.finish();
  bytes[31] = checksum(bytes);
  return bytes;
}
