/** Captures in the pcapng format (draft-ietf-opsawg-pcapng): one section, one Ethernet interface. */

const blockType = { section: 0x0a0d0d0a, interface: 1, packet: 6 } as const;
const byteOrderMagic = 0x1a2b3c4d;
const linkTypeEthernet = 1;
/** Options of the packet block: flags, with the direction in the lowest two bits. */
const optionFlags = 2;

const padded = (length: number): number => (length + 3) & ~3;

/** Section header and interface description; `name` is the adapter's, times are in nanoseconds. */
export function captureHeader(name: string): Uint8Array {
  const text = new TextEncoder().encode(name);
  const sectionLength = 28;
  // if_name (2), if_tsresol (9) = 9: nanoseconds; end of options.
  const interfaceLength = 20 + 4 + padded(text.length) + 8 + 4;
  const bytes = new Uint8Array(sectionLength + interfaceLength);
  const view = new DataView(bytes.buffer);
  const u32 = (at: number, value: number): void => view.setUint32(at, value, true);
  const u16 = (at: number, value: number): void => view.setUint16(at, value, true);
  u32(0, blockType.section);
  u32(4, sectionLength);
  u32(8, byteOrderMagic);
  u16(12, 1);
  view.setBigInt64(16, -1n, true);
  u32(24, sectionLength);
  const at = sectionLength;
  u32(at, blockType.interface);
  u32(at + 4, interfaceLength);
  u16(at + 8, linkTypeEthernet);
  u16(at + 16, 2);
  u16(at + 18, text.length);
  bytes.set(text, at + 20);
  const resolution = at + 20 + padded(text.length);
  u16(resolution, 9);
  u16(resolution + 2, 1);
  bytes[resolution + 4] = 9;
  u32(at + interfaceLength - 4, interfaceLength);
  return bytes;
}

/** A packet block; `wallMs` since the epoch. */
export function capturePacket(frame: Uint8Array, fromGuest: boolean, wallMs: number): Uint8Array {
  const length = 28 + padded(frame.length) + 8 + 4 + 4;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  const time = BigInt(Math.round(wallMs * 1000)) * 1000n;
  view.setUint32(0, blockType.packet, true);
  view.setUint32(4, length, true);
  view.setUint32(12, Number(time >> 32n), true);
  view.setUint32(16, Number(time & 0xffffffffn), true);
  view.setUint32(20, frame.length, true);
  view.setUint32(24, frame.length, true);
  bytes.set(frame, 28);
  const options = 28 + padded(frame.length);
  view.setUint16(options, optionFlags, true);
  view.setUint16(options + 2, 4, true);
  // 1 inbound, 2 outbound, as the guest sees it.
  view.setUint32(options + 4, fromGuest ? 2 : 1, true);
  view.setUint32(length - 4, length, true);
  return bytes;
}
