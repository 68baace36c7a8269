/** What a TCP connection is between: who uses it, what carries its segments, and what it is tuned to. */
import type { IpPath } from '../packet/ipPacket.ts';
import type { TimerQueue } from '../timerQueue.ts';
import type { TcpConnection } from './tcpConnection.ts';

/** What uses a connection. `closed` is the last that it hears. */
export interface TcpUser {
  established(): void;
  /** Bytes in order, valid only during the call. */
  data(bytes: Uint8Array): void;
  /** The guest has finished sending. */
  end(): void;
  /** The queue for the guest has shrunk. */
  writable(): void;
  closed(reset: boolean): void;
  /** Bytes that the user would take now: the window. */
  room(): number;
}

export interface OutgoingSegment {
  readonly connection: TcpConnection;
  readonly sequence: number;
  readonly flags: number;
  /** As it goes into the header. */
  readonly window: number;
  /** Payload: so many bytes, so far into the connection's send queue. */
  readonly offset: number;
  readonly length: number;
}

/** What carries segments to the guest. */
export interface TcpCarrier {
  readonly timers: TimerQueue;
  /** False if there is no room now; then resume() follows. */
  send(segment: OutgoingSegment): boolean;
  /** An acknowledgement is due at the next flush(). */
  acknowledgeSoon(connection: TcpConnection): void;
  /** It was refused: call resume() when there is room. */
  blocked(connection: TcpConnection): void;
  /** It is gone for good. */
  forget(connection: TcpConnection): void;
}

export interface TcpTuning {
  /** Idle time before the first keepalive probe, and between probes, in ms; and how many. */
  readonly keepAlive: { readonly idle: number; readonly interval: number; readonly probes: number };
  readonly timeWaitMs: number;
  /** Timeouts in a row before a connection counts as dead: while opening, and later. */
  readonly synRetries: number;
  readonly retries: number;
}

export const defaultTuning: TcpTuning = {
  keepAlive: { idle: 7_200_000, interval: 75_000, probes: 9 },
  timeWaitMs: 2000,
  synRetries: 4,
  retries: 12,
};

/** Of our receive windows: up to 4 MiB. */
export const ownWindowScale = 6;
/** Payload of one segment, whatever the peer says: Ethernet's 1500 bytes less headers. */
export const ownMaxSegment = (path: IpPath): number => (path.source.length === 4 ? 1460 : 1440);
