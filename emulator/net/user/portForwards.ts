/** Ports of the host that lead to guests; changed as a list while the network runs. */
import type { HostNetwork } from '../../backends/hostNetwork.ts';
import { parseIp, type IpAddress } from '../packet/ipAddress.ts';
import type { TcpProxy } from './tcpProxy.ts';
import type { UdpProxy } from './udpProxy.ts';

export interface PortForward {
  readonly protocol: 'tcp' | 'udp';
  /** Of the host; either family. */
  readonly hostAddress: string;
  /** 0 takes any free one. */
  readonly hostPort: number;
  /** The first guest if absent. */
  readonly guestAddress?: string;
  readonly guestPort: number;
}

export interface PortForwardParts {
  readonly tcp: TcpProxy;
  readonly udp: UdpProxy;
  readonly host: HostNetwork;
  readonly defaultGuest: () => IpAddress;
}

interface Open {
  readonly port: number;
  close(): void;
}

export class PortForwards {
  readonly #parts: PortForwardParts;
  #open = new Map<string, Open>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: PortForwardParts) {
    this.#parts = parts;
  }

  /** Host ports in use, in the order of the list. */
  get ports(): number[] {
    return [...this.#open.values()].map(({ port }) => port);
  }

  /**
   * Makes exactly these forwards be open; those that were stay untouched. Rejects with HostNetworkError
   * if one cannot be opened, and leaves all as it was.
   */
  set(list: readonly PortForward[]): Promise<void> {
    const turn = this.#turn.then(() => this.#set(list));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #set(list: readonly PortForward[]): Promise<void> {
    const after = new Map<string, Open>();
    const fresh: Open[] = [];
    try {
      for (const forward of list) {
        const key = JSON.stringify(forward);
        const kept = this.#open.get(key);
        const open = kept ?? (await this.#openOne(forward));
        if (kept === undefined) fresh.push(open);
        after.set(key, open);
      }
    } catch (error) {
      for (const one of fresh) one.close();
      throw error;
    }
    for (const [key, one] of this.#open) if (!after.has(key)) one.close();
    this.#open = after;
  }

  async #openOne(forward: PortForward): Promise<Open> {
    const at = { address: forward.hostAddress, port: forward.hostPort };
    const fixed = forward.guestAddress === undefined ? undefined : parseIp(forward.guestAddress);
    const to = (): { address: IpAddress; port: number } => ({
      address: fixed ?? this.#parts.defaultGuest(),
      port: forward.guestPort,
    });
    if (forward.protocol === 'udp') {
      const udp = await this.#parts.udp.forward(at, to());
      return { port: forward.hostPort, close: () => udp.close() };
    }
    return this.#parts.host.listenTcp(at, (socket, from) =>
      this.#parts.tcp.forward(socket, from, to()),
    );
  }

  close(): void {
    for (const one of this.#open.values()) one.close();
    this.#open.clear();
  }
}
