/** A guest's connection joined to a socket of the host. */
import type { ConnectFailure, HostTcp, HostTcpEvents } from '../../backends/hostNetwork.ts';
import type { IpPath } from '../packet/ipPacket.ts';
import type { TcpSegment } from '../packet/tcpSegment.ts';
import type { TcpConnection } from '../tcp/tcpConnection.ts';
import type { TcpUser } from '../tcp/tcpContract.ts';
import { BytePool } from '../bytePool.ts';
import { NetworkTimer, type TimerQueue } from '../timerQueue.ts';
import type { GuestKey } from './fairShare.ts';

const pool = new BytePool();

/** What a flow needs of the table that it stands in. */
export interface FlowOwner {
  readonly timers: TimerQueue;
  /** A flow of the guest no longer counts as opening. */
  opened(guest: GuestKey): void;
  /** Bytes that one direction of a guest's flow may hold now. */
  shareOf(guest: GuestKey): number;
  newConnection(
    at: { readonly path: IpPath; readonly localPort: number; readonly guestPort: number },
    user: TcpUser,
  ): TcpConnection;
  /** Takes the connection out of the table; idempotent. */
  forget(connection: TcpConnection): void;
}

export class TcpFlow implements TcpUser {
  readonly connection: TcpConnection;
  readonly guest: GuestKey;
  readonly #owner: FlowOwner;
  #host: HostTcp | undefined;
  #syn: TcpSegment | undefined;
  #opening = true;
  #paused = false;
  /** One of both sides is over: nothing is heard from the host any more. */
  #over = false;
  /** Its destination may still be reached. */
  allowed: () => boolean = () => true;
  /** The host could not connect. */
  refuse: (why: ConnectFailure) => void = () => undefined;
  /** Runs while the guest's MAC address is looked for. */
  readonly resolving: NetworkTimer;

  constructor(
    owner: FlowOwner,
    guest: GuestKey,
    at: { readonly path: IpPath; readonly localPort: number; readonly guestPort: number },
  ) {
    this.#owner = owner;
    this.guest = guest;
    this.connection = owner.newConnection(at, this);
    this.resolving = new NetworkTimer(() => {
      if (this.connection.state === 'closed') this.drop();
    });
  }

  /** Opens the host's side first; the guest's SYN is answered when that is done. */
  connectHost(syn: TcpSegment, connect: (events: HostTcpEvents) => HostTcp): void {
    this.#syn = syn;
    this.#host = connect(this.hostEvents);
  }

  adopt(socket: HostTcp): void {
    this.#host = socket;
    this.#pause();
  }

  openToGuest(): void {
    if (this.#over || this.connection.state !== 'closed') return;
    this.#owner.timers.cancel(this.resolving);
    this.connection.open();
  }

  /** No longer counts as opening. */
  opened(): void {
    this.#owner.timers.cancel(this.resolving);
    if (this.#opening) this.#owner.opened(this.guest);
    this.#opening = false;
  }

  /** Ends both sides at once. */
  drop(): void {
    this.#over = true;
    this.#host?.abort();
    if (this.connection.state === 'closed') this.#owner.forget(this.connection);
    else this.connection.abort();
  }

  readonly hostEvents: HostTcpEvents = {
    connected: () => {
      if (this.#over || this.#syn === undefined) return;
      this.connection.accept(this.#syn);
      this.#syn = undefined;
    },
    failed: (why) => {
      if (this.#over) return;
      this.#over = true;
      this.#owner.forget(this.connection);
      this.refuse(why);
    },
    data: (bytes) => {
      if (this.#over) return;
      this.connection.write(bytes);
      if (this.connection.unsent > this.#owner.shareOf(this.guest)) this.#pause();
    },
    end: () => {
      if (!this.#over) this.connection.end();
    },
    drained: () => {
      if (!this.#over) this.connection.roomChanged();
    },
    closed: (reset) => {
      if (this.#over) return;
      if (!reset) this.connection.end();
      else this.drop();
    },
  };

  // From the guest

  established(): void {
    this.opened();
    this.#resume();
  }

  data(bytes: Uint8Array): void {
    this.#host?.write(pool.copy(bytes));
  }

  end(): void {
    this.#host?.end();
  }

  writable(): void {
    if (this.#paused && this.connection.unsent < this.#owner.shareOf(this.guest) / 2)
      this.#resume();
  }

  closed(reset: boolean): void {
    this.#over = true;
    this.opened();
    // Orderly: both directions have been ended, and the host's socket closes by itself.
    if (reset) this.#host?.abort();
  }

  room(): number {
    return this.#owner.shareOf(this.guest) - (this.#host?.unsent ?? 0);
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#host?.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#host?.resume();
  }
}
