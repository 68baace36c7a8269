/**
 * What guests may reach. Without rules: everything but the host's loopback, the addresses that only a
 * host's own network knows, and what is no place to go to. Rules are looked through in order before
 * that; they cannot open what is no destination at all.
 */
import { inPrefix, ip, parseIp, unmapped, formatIp, type IpAddress } from '../packet/ipAddress.ts';

export interface FirewallRule {
  readonly action: 'allow' | 'deny';
  /** "example.org", "*.example.org", "192.0.2.7", "10.0.0.0/8", "any". */
  readonly to: string;
  /** Inclusive; all ports without it. */
  readonly ports?: readonly [number, number];
}

type Where =
  | { readonly kind: 'any' }
  | { readonly kind: 'prefix'; readonly prefix: IpAddress; readonly bits: number }
  | { readonly kind: 'name'; readonly name: string; readonly below: boolean };

/** Undefined if the text is no name, address or prefix. */
export function parseWhere(text: string): Where | undefined {
  if (text === 'any') return { kind: 'any' };
  const [address = '', length, ...rest] = text.split('/');
  const prefix = parseIp(address);
  if (prefix !== undefined) {
    const most = prefix.length * 8;
    const bits = length === undefined ? most : Number(length);
    const proper = rest.length === 0 && /^\d*$/.test(length ?? '') && bits <= most;
    return proper && length !== '' ? { kind: 'prefix', prefix, bits } : undefined;
  }
  const below = text.startsWith('*.');
  const name = (below ? text.slice(2) : text).toLowerCase().replace(/\.$/, '');
  const label = '[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?';
  if (!new RegExp(`^${label}(\\.${label})*$`).test(name) || /^[\d.]+$/.test(name)) return undefined;
  return { kind: 'name', name, below };
}

/** No destination for anybody, or the host itself. */
const never = [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['224.0.0.0', 3],
  ['::', 128],
  ['::1', 128],
  ['ff00::', 8],
  ['fe80::', 10],
].map(([prefix, bits]) => ({ prefix: ip(prefix as string), bits: bits as number }));
/** Denied unless a rule allows it: link-local services, such as a cloud's metadata. */
const unusual = [{ prefix: ip('169.254.0.0'), bits: 16 }];
/** NAT64 (RFC 6052) and 6to4 would carry an IPv4 address past the list. */
const nat64 = ip('64:ff9b::');

/** Names of an address are remembered for this many addresses. */
const mostNames = 4096;

export class Firewall {
  #rules: readonly (FirewallRule & { readonly where: Where })[] = [];
  /** Names that guests have resolved, by address. */
  readonly #names = new Map<string, Set<string>>();

  /** Throws RangeError for a rule whose `to` makes no sense. */
  setRules(rules: readonly FirewallRule[]): void {
    this.#rules = rules.map((rule) => {
      const where = parseWhere(rule.to);
      if (where === undefined)
        throw new RangeError(`"${rule.to}" is no host name, address or prefix`);
      return { ...rule, where };
    });
  }

  /** A guest has been told that `name` is at `address`. */
  learn(name: string, address: IpAddress): void {
    const key = formatIp(address);
    const names = this.#names.get(key) ?? new Set<string>();
    if (names.size < 16) names.add(name.toLowerCase());
    this.#names.delete(key);
    this.#names.set(key, names);
    if (this.#names.size > mostNames) {
      const [oldest] = this.#names.keys();
      if (oldest !== undefined) this.#names.delete(oldest);
    }
  }

  allows(address: IpAddress, port: number): boolean {
    let plain = unmapped(address);
    if (inPrefix(plain, nat64, 96)) plain = plain.slice(12);
    if (never.some(({ prefix, bits }) => inPrefix(plain, prefix, bits))) return false;
    const rule = this.#rules.find(
      ({ where, ports }) =>
        (ports === undefined || (port >= ports[0] && port <= ports[1])) &&
        this.#matches(where, plain),
    );
    if (rule !== undefined) return rule.action === 'allow';
    return !unusual.some(({ prefix, bits }) => inPrefix(plain, prefix, bits));
  }

  /** A guest may ask for this name: no rule denies the whole of it. */
  allowsName(name: string): boolean {
    const wanted = name.toLowerCase();
    const rule = this.#rules.find(
      ({ where, ports }) =>
        ports === undefined &&
        (where.kind === 'any' || (where.kind === 'name' && covers(where, wanted))),
    );
    // "Deny any" still resolves: what may be reached by address is decided there.
    return rule === undefined || rule.action === 'allow' || rule.where.kind === 'any';
  }

  #matches(where: Where, address: IpAddress): boolean {
    if (where.kind === 'any') return true;
    if (where.kind === 'prefix') return inPrefix(address, where.prefix, where.bits);
    const names = this.#names.get(formatIp(address));
    return names !== undefined && [...names].some((name) => covers(where, name));
  }
}

const covers = (
  where: { readonly name: string; readonly below: boolean },
  name: string,
): boolean => (where.below ? name.endsWith(`.${where.name}`) : name === where.name);
