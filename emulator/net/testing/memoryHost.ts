/** A host whose sockets lead nowhere, or to the test itself. */
import type {
  ConnectFailure,
  HostAddress,
  HostListener,
  HostNetwork,
  HostTcp,
  HostTcpEvents,
  HostUdp,
} from '../../backends/hostNetwork.ts';
import type { NetworkClock } from '../timerQueue.ts';

export class MemoryTcp implements HostTcp {
  readonly to: HostAddress;
  readonly events: HostTcpEvents;
  received = 0;
  unsent = 0;
  paused = false;
  ended = false;
  aborted = false;
  onWrite: (bytes: Uint8Array) => void = () => undefined;

  constructor(to: HostAddress, events: HostTcpEvents) {
    this.to = to;
    this.events = events;
  }
  write(bytes: Uint8Array): void {
    this.received += bytes.length;
    this.onWrite(bytes);
  }
  end(): void {
    this.ended = true;
  }
  abort(): void {
    this.aborted = true;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  get open(): boolean {
    return !this.aborted && !this.ended;
  }
}

export class MemoryHost implements HostNetwork {
  readonly sockets: MemoryTcp[] = [];
  openUdpSockets = 0;
  datagrams = 0;
  /** What becomes of a connection; it is called after connectTcp. */
  answer: (socket: MemoryTcp) => ConnectFailure | 'connected' | 'nothing' = () => 'connected';
  /** Everything sent comes back. */
  echo = false;

  connectTcp(to: HostAddress, events: HostTcpEvents): HostTcp {
    const socket = new MemoryTcp(to, events);
    this.sockets.push(socket);
    const answer = this.answer(socket);
    queueMicrotask(() => {
      if (answer === 'connected') events.connected();
      else if (answer !== 'nothing') events.failed(answer);
    });
    return socket;
  }
  listenTcp(): Promise<HostListener> {
    return Promise.resolve({ port: 1, close: () => undefined });
  }
  openUdp(_family: 4 | 6, received: (bytes: Uint8Array, from: HostAddress) => void): HostUdp {
    this.openUdpSockets++;
    return {
      port: 1,
      unsent: 0,
      send: (bytes, to) => {
        this.datagrams++;
        if (this.echo) received(bytes.slice(), to);
      },
      close: () => void this.openUdpSockets--,
    };
  }
  bindUdp(
    _at: HostAddress,
    received: (bytes: Uint8Array, from: HostAddress) => void,
  ): Promise<HostUdp> {
    return Promise.resolve(this.openUdp(4, received));
  }
  nameServers(): readonly HostAddress[] {
    return [{ address: '192.0.2.53', port: 53 }];
  }
}

/** Time that passes when the test says so. */
export class ManualClock implements NetworkClock {
  #ms = 0;
  readonly #timers: { atNs: number | undefined; readonly fire: () => void }[] = [];

  nowNs(): number {
    return this.#ms * 1e6;
  }
  timer(fire: () => void): ReturnType<NetworkClock['timer']> {
    const timer = { atNs: undefined as number | undefined, fire };
    this.#timers.push(timer);
    return {
      arm: (atNs) => void (timer.atNs = atNs),
      cancel: () => void (timer.atNs = undefined),
    };
  }
  /** Lets `ms` pass, firing what is due on the way. */
  advance(ms: number): void {
    const end = this.#ms + ms;
    for (;;) {
      const due = this.#timers
        .filter(({ atNs }) => atNs !== undefined && atNs <= end * 1e6)
        .sort((a, b) => (a.atNs ?? 0) - (b.atNs ?? 0))[0];
      if (due === undefined) break;
      this.#ms = Math.max(this.#ms, (due.atNs ?? 0) / 1e6);
      due.atNs = undefined;
      due.fire();
    }
    this.#ms = end;
  }
}
