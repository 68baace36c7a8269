/** IP addresses as bytes: 4 for IPv4, 16 for IPv6; and as text (RFC 4291 §2.2, RFC 5952). */
import { u16 } from './byteOrder.ts';

export type IpAddress = Uint8Array;

export function parseIpv4(text: string): IpAddress | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256))
    return undefined;
  return Uint8Array.from(parts, Number);
}

export function parseIpv6(text: string): IpAddress | undefined {
  let source = text.replace(/%.*$/, '');
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(source);
  if (dotted !== null) {
    const v4 = parseIpv4(dotted[2] ?? '');
    if (v4 === undefined) return undefined;
    source = `${dotted[1]}${u16(v4, 0).toString(16)}:${u16(v4, 2).toString(16)}`;
  }
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string): string[] => (half === '' ? [] : half.split(':'));
  const [head, tail] = [groups(halves[0] ?? ''), groups(halves[1] ?? '')];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return Uint8Array.from(
    all.flatMap((group) => [parseInt(group, 16) >>> 8, parseInt(group, 16) & 255]),
  );
}

export const parseIp = (text: string): IpAddress | undefined =>
  text.includes(':') ? parseIpv6(text) : parseIpv4(text);

/** For addresses that the program itself writes down. */
export function ip(text: string): IpAddress {
  const address = parseIp(text);
  if (address === undefined) throw new RangeError(`${text} is not an IP address`);
  return address;
}

export function formatIp(address: IpAddress): string {
  if (address.length === 4) return address.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => u16(address, 2 * i));
  let [bestStart, bestLength] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > bestLength) [bestStart, bestLength] = [i, length];
  }
  const text = groups.map((group) => group.toString(16));
  if (bestStart < 0) return text.join(':');
  return `${text.slice(0, bestStart).join(':')}::${text.slice(bestStart + bestLength).join(':')}`;
}

/** Whether the first `bits` bits are the same. */
export function inPrefix(address: IpAddress, prefix: IpAddress, bits: number): boolean {
  if (address.length !== prefix.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== prefix[i]) return false;
  const rest = bits & 7;
  const mask = 0xff00 >> rest;
  return (
    rest === 0 || (((address[whole] as number) ^ (prefix[whole] as number)) & mask & 0xff) === 0
  );
}

/** The IPv4 address inside ::ffff:a.b.c.d, or the address itself. */
export function unmapped(address: IpAddress): IpAddress {
  if (address.length !== 16 || !inPrefix(address, mappedPrefix, 96)) return address;
  return address.slice(12);
}
const mappedPrefix = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0);
