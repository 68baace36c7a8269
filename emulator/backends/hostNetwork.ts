/** What a user-mode network asks of the host: sockets and name servers. Addresses are text, as in "::1". */

/** A host failure that a person can act on. */
export class HostNetworkError extends Error {
  override name = 'HostNetworkError';
  readonly code: 'in-use' | 'permission' | 'no-address' | 'no-bridge' | 'unsupported' | 'io';
  constructor(code: HostNetworkError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type ConnectFailure = 'refused' | 'unreachable' | 'timeout';

/** What a TCP socket tells its user. After `failed` or `closed` nothing more comes. */
export interface HostTcpEvents {
  connected(): void;
  failed(why: ConnectFailure): void;
  /** The bytes are the receiver's to keep. */
  data(bytes: Uint8Array): void;
  /** The peer has finished sending. */
  end(): void;
  /** `unsent` has fallen. */
  drained(): void;
  /** Gone: orderly, or reset by the peer. */
  closed(reset: boolean): void;
}

export interface HostTcp {
  /** Queues bytes, which must not be changed any more. */
  write(bytes: Uint8Array): void;
  /** Bytes queued and not yet taken by the host. */
  readonly unsent: number;
  /** Finishes sending, after what is queued. */
  end(): void;
  /** Closes at once, with a reset where there is a connection. */
  abort(): void;
  /** No more `data` until resume(). */
  pause(): void;
  resume(): void;
}

export interface HostAddress {
  readonly address: string;
  readonly port: number;
}

export interface HostListener {
  readonly port: number;
  close(): void;
}

export interface HostUdp {
  readonly port: number;
  send(bytes: Uint8Array, to: HostAddress): void;
  /** Bytes that the host has not taken yet. */
  readonly unsent: number;
  close(): void;
}

export interface HostNetwork {
  connectTcp(to: HostAddress, events: HostTcpEvents): HostTcp;
  /** `accepted` answers with the events of the new socket. Rejects with HostNetworkError. */
  listenTcp(
    at: HostAddress,
    accepted: (socket: HostTcp, from: HostAddress) => HostTcpEvents,
  ): Promise<HostListener>;
  /** A socket for either family, at an address of choice or any. Failures to send are silent. */
  openUdp(family: 4 | 6, received: (bytes: Uint8Array, from: HostAddress) => void): HostUdp;
  /** Rejects with HostNetworkError. */
  bindUdp(
    at: HostAddress,
    received: (bytes: Uint8Array, from: HostAddress) => void,
  ): Promise<HostUdp>;
  /** In the order in which to ask them. */
  nameServers(): readonly HostAddress[];
}

/** Files that a guest may boot from over TFTP. */
export interface BootFiles {
  /** Undefined if there is no such file. */
  read(name: string): Promise<Uint8Array | undefined>;
}
