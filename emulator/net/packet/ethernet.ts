/** Ethernet II (IEEE 802.3 §3.2.6), without VLAN tags. */
import { u16 } from './byteOrder.ts';

export const etherType = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
export const ethernetHeader = 14;
/** Largest payload. */
export const mtu = 1500;
export type Mac = Uint8Array;

export const broadcastMac: Mac = Uint8Array.of(255, 255, 255, 255, 255, 255);
export const isMulticast = (frame: Uint8Array): boolean => ((frame[0] as number) & 1) !== 0;
export const etherTypeOf = (frame: Uint8Array): number => u16(frame, 12);

export const formatMac = (mac: Mac): string =>
  Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');

export function parseMac(text: string): Mac | undefined {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(/[:-]/), (part) => parseInt(part, 16));
}

/** 48 bits as a number, for maps. */
export const macKey = (b: Uint8Array, at: number): number =>
  ((b[at] as number) * 256 + (b[at + 1] as number)) * 0x1_0000_0000 +
  (b[at + 2] as number) * 0x100_0000 +
  (((b[at + 3] as number) << 16) | ((b[at + 4] as number) << 8) | (b[at + 5] as number));
