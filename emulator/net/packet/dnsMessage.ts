/** DNS messages (RFC 1035 §4), as far as a forwarder reads and writes them. */
import { setU16, setU32, u16 } from './byteOrder.ts';
import type { IpAddress } from './ipAddress.ts';

export const dnsType = { a: 1, ptr: 12, aaaa: 28, any: 255 } as const;

export interface DnsQuestion {
  readonly id: number;
  /** Lower case, without the last dot. */
  readonly name: string;
  readonly type: number;
  /** Where the question ends. */
  readonly end: number;
}

/** The one question of a query, or undefined if the message is none. */
export function parseQuery(message: Uint8Array): DnsQuestion | undefined {
  // A standard query (opcode 0) with one question.
  if (message.length < 17 || (u16(message, 2) & 0xf800) !== 0 || u16(message, 4) !== 1)
    return undefined;
  const name = readName(message, 12);
  if (name === undefined || name.end + 4 > message.length) return undefined;
  return { id: u16(message, 0), name: name.text, type: u16(message, name.end), end: name.end + 4 };
}

/** Follows compression (§4.1.4), always backwards, so that it ends. */
function readName(message: Uint8Array, from: number): { text: string; end: number } | undefined {
  const labels: string[] = [];
  let at = from;
  let end = -1;
  let limit = from;
  for (;;) {
    const length = message[at];
    if (length === undefined) return undefined;
    if (length === 0) return { text: labels.join('.').toLowerCase(), end: end < 0 ? at + 1 : end };
    if ((length & 0xc0) === 0xc0) {
      if (at + 1 >= message.length) return undefined;
      const target = u16(message, at) & 0x3fff;
      if (end < 0) end = at + 2;
      if (target >= limit) return undefined;
      at = limit = target;
      continue;
    }
    if (length > 63 || at + 1 + length > message.length || labels.length > 127) return undefined;
    labels.push(String.fromCharCode(...message.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
}

/** The addresses that a reply gives. */
export function answeredAddresses(message: Uint8Array): IpAddress[] {
  const found: IpAddress[] = [];
  if (message.length < 12) return found;
  let at = 12;
  for (let i = u16(message, 4); i > 0; i--) {
    const name = readName(message, at);
    if (name === undefined) return found;
    at = name.end + 4;
  }
  for (let i = Math.min(256, u16(message, 6)); i > 0; i--) {
    const name = readName(message, at);
    if (name === undefined || name.end + 10 > message.length) return found;
    const type = u16(message, name.end);
    const length = u16(message, name.end + 8);
    const data = name.end + 10;
    if (data + length > message.length) return found;
    if ((type === dnsType.a && length === 4) || (type === dnsType.aaaa && length === 16))
      found.push(message.slice(data, data + length));
    at = data + length;
  }
  return found;
}

export const dnsCode = { ok: 0, serverFailure: 2, noSuchName: 3, refused: 5 } as const;

/** A reply to `query` of our own: addresses, or only a code. */
export function writeReply(
  query: Uint8Array,
  question: DnsQuestion,
  code: number,
  addresses: readonly IpAddress[] = [],
): Uint8Array {
  const size = addresses.reduce((sum, address) => sum + 12 + address.length, question.end);
  const reply = new Uint8Array(size);
  reply.set(query.subarray(0, question.end));
  // Response, recursion available; recursion desired as it was.
  setU16(reply, 2, 0x8080 | (u16(query, 2) & 0x0100) | code);
  setU16(reply, 6, addresses.length);
  setU32(reply, 8, 0);
  let at = question.end;
  for (const address of addresses) {
    reply.set([0xc0, 12, 0, address.length === 4 ? dnsType.a : dnsType.aaaa, 0, 1], at);
    setU32(reply, at + 6, 60);
    setU16(reply, at + 10, address.length);
    reply.set(address, at + 12);
    at += 12 + address.length;
  }
  return reply;
}
