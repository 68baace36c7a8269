/** Where a guest's packets go on the host, and what the host's addresses are called on the guest's side. */
import type { HostAddress, HostNetwork } from '../../backends/hostNetwork.ts';
import { formatIp, type IpAddress } from '../packet/ipAddress.ts';
import type { Firewall } from './firewall.ts';
import { onLink, ownAddress, type UserAddresses } from './userAddresses.ts';

export type Destination =
  | HostAddress
  /** Nobody is there, or nobody may go there. */
  | 'refused';

export interface DestinationParts {
  readonly addresses: UserAddresses;
  readonly firewall: Firewall;
  readonly host: HostNetwork;
  /** The gateway's address leads to the host's loopback. */
  readonly hostLoopback: boolean;
  /** Nothing but the gateway's loopback is reachable: a host-only network. */
  readonly hostOnly: boolean;
  /** Ports of the host's loopback that stay closed: the application's own server. */
  readonly portClosed: (port: number) => boolean;
}

export function destinationOf(
  { addresses, firewall, host, hostLoopback, hostOnly, portClosed }: DestinationParts,
  target: IpAddress,
  port: number,
): Destination {
  const own = ownAddress(addresses, target);
  if (own === 'dns') return port === 53 ? (host.nameServers()[0] ?? 'refused') : 'refused';
  if (own === 'gateway') {
    if (!hostLoopback || portClosed(port)) return 'refused';
    return { address: target.length === 4 ? '127.0.0.1' : '::1', port };
  }
  if (hostOnly || onLink(addresses, target) || !firewall.allows(target, port)) return 'refused';
  return { address: formatIp(target), port };
}
