/** The PHY inside the 82540EM, an 88E1000S (IEEE 802.3 §22.2.4; SDM §13.4.20 and chapter 11). */

/** Power-on values of the registers by address. */
const defaults: readonly (readonly [number, number])[] = [
  [0, 0x1140],
  [1, 0x7949],
  [2, 0x0141],
  [3, 0x0c20],
  [4, 0x0de1],
  [5, 0x41e1],
  [6, 0x000f],
  [9, 0x0e00],
  [10, 0x3c00],
  [15, 0x3000],
  [16, 0x0360],
  [17, 0xac00],
  [20, 0x0d60],
];
const writable: readonly number[] = [0, 4, 7, 9, 16, 18, 20, 29, 30];
const control = { reset: 0x8000, restart: 0x0200, loopback: 0x4000 } as const;
/** Status: link up, negotiation complete. */
const linkBits = 0x0024;
/** PHY specific status: link, resolved, 1000 Mb/s full duplex. */
const specificLink = 0xac00 | 0x0400;

export function phyReset(phy: Uint16Array, linkUp: boolean, keep?: number): void {
  phy.fill(0);
  for (const [address, value] of defaults) phy[address] = value;
  if (keep !== undefined) phy[0] = keep;
  phy[1] = 0x7949 | (linkUp ? linkBits : 0);
  phy[17] = linkUp ? specificLink : 0;
}

export const phyRead = (phy: Uint16Array, address: number): number => phy[address & 31] ?? 0;

/** True if the link was negotiated anew. */
export function phyWrite(
  phy: Uint16Array,
  address: number,
  value: number,
  linkUp: boolean,
): boolean {
  if (!writable.includes(address)) return false;
  if (address !== 0) {
    phy[address] = value;
    return false;
  }
  if ((value & control.reset) !== 0) {
    phyReset(phy, linkUp);
    return true;
  }
  phy[0] = value & ~(control.restart | control.reset);
  return (value & control.restart) !== 0;
}
