/** The addresses of a user-mode network: the guest's side of it. */
import { inPrefix, ip, type IpAddress } from '../packet/ipAddress.ts';
import { bytesEqual } from '../packet/byteOrder.ts';
import type { Mac } from '../packet/ethernet.ts';

export interface UserAddresses {
  /** Network number, with `bits4` of prefix. */
  readonly network4: IpAddress;
  readonly bits4: number;
  readonly gateway4: IpAddress;
  readonly dns4: IpAddress;
  /** First address that is given out; the others follow. */
  readonly firstGuest4: IpAddress;
  readonly guests: number;
  /** A /64. */
  readonly prefix6: IpAddress;
  readonly gateway6: IpAddress;
  readonly gatewayLinkLocal: IpAddress;
  readonly dns6: IpAddress;
  /** Of the gateway, which answers for all of these. */
  readonly mac: Mac;
  /** Domain of the guests' names. */
  readonly domain: string;
  /** No default route and no name server: a network that leads nowhere. */
  readonly isolated?: boolean;
}

/** 10.0.2.0/24 with the gateway at .2, names at .3 and guests from .15; IPv6 likewise in a prefix of our own (RFC 4193). */
export const defaultAddresses: UserAddresses = {
  network4: ip('10.0.2.0'),
  bits4: 24,
  gateway4: ip('10.0.2.2'),
  dns4: ip('10.0.2.3'),
  firstGuest4: ip('10.0.2.15'),
  guests: 200,
  prefix6: ip('fd67:7565:7374::'),
  gateway6: ip('fd67:7565:7374::2'),
  gatewayLinkLocal: ip('fe80::2'),
  dns6: ip('fd67:7565:7374::3'),
  mac: Uint8Array.of(0x52, 0x55, 0x0a, 0x00, 0x02, 0x02),
  domain: 'guesthouse.internal',
};

/** The same in 10.0.3.0/24 and another prefix, so that a guest can be on both. The gateway is the host, and leads nowhere. */
export const hostOnlyAddresses: UserAddresses = {
  ...defaultAddresses,
  network4: ip('10.0.3.0'),
  gateway4: ip('10.0.3.2'),
  dns4: ip('10.0.3.3'),
  firstGuest4: ip('10.0.3.15'),
  prefix6: ip('fd67:7565:7375::'),
  gateway6: ip('fd67:7565:7375::2'),
  dns6: ip('fd67:7565:7375::3'),
  mac: Uint8Array.of(0x52, 0x55, 0x0a, 0x00, 0x03, 0x02),
  isolated: true,
};

/** What an address of the network's own stands for. */
export function ownAddress(a: UserAddresses, address: IpAddress): 'gateway' | 'dns' | undefined {
  if (address.length === 4) {
    if (bytesEqual(address, a.gateway4)) return 'gateway';
    return bytesEqual(address, a.dns4) ? 'dns' : undefined;
  }
  if (bytesEqual(address, a.gateway6) || bytesEqual(address, a.gatewayLinkLocal)) return 'gateway';
  return bytesEqual(address, a.dns6) ? 'dns' : undefined;
}

/** On the guests' own cable. */
export const onLink = (a: UserAddresses, address: IpAddress): boolean =>
  address.length === 4
    ? inPrefix(address, a.network4, a.bits4)
    : inPrefix(address, a.prefix6, 64) || inPrefix(address, linkLocal6, 10);

export const linkLocal6 = ip('fe80::');
