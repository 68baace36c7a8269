/**
 * Virtio console (virtio 1.2 §5.3) with several named ports; port 0 is a console (hvc0), the others
 * are plain byte channels (/dev/virtio-ports/NAME). Emergency write is there for early output. Left out:
 * console size, hot-plugging of ports.
 */
import type { CharacterBackend, FlowControlled } from '../../backends/character.ts';
import { checkedState } from '../../bus/deviceState.ts';
import { StateError, type VersionedState } from '../../bus/types.ts';
import type { VirtioDevice, VirtioTransport } from './virtioDevice.ts';

/** §5.3.3 */
const feature = { multiport: 1n, emergencyWrite: 2n } as const;
/** §5.3.6.2 */
const event = {
  deviceReady: 0,
  portAdd: 1,
  portReady: 3,
  consolePort: 4,
  portOpen: 6,
  portName: 7,
} as const;
/** §5.3.2: control queues sit between those of port 0 and port 1. */
const controlReceive = 2;
const controlTransmit = 3;
/** §5.3.4 */
const config = { maxPorts: 4, emergencyWrite: 8, size: 12 } as const;
const queueSize = 128;
/** A single piece handed to the backend. */
const mostBytes = 64 << 10;

export interface ConsolePort {
  /** In the guest: /dev/virtio-ports/NAME. Not used for port 0. */
  readonly name: string;
  readonly backend: CharacterBackend & Partial<FlowControlled>;
}

interface ConsoleState {
  /** The guest has each port open. */
  open: boolean[];
  /** Control messages that wait for a buffer. */
  messages: Uint8Array[];
}

export class VirtioConsole implements VirtioDevice {
  readonly type = 3;
  readonly classCode = 0x078000;
  readonly features = (1n << feature.multiport) | (1n << feature.emergencyWrite);
  readonly queueSizes: readonly number[];
  readonly config = new Uint8Array(config.size);
  readonly #ports: readonly ConsolePort[];
  #transport: VirtioTransport | undefined;
  #state: ConsoleState;

  constructor(parts: { readonly ports: readonly ConsolePort[] }) {
    this.#ports = parts.ports;
    this.queueSizes = Array.from({ length: 2 + 2 * this.#ports.length }, () => queueSize);
    new DataView(this.config.buffer).setUint32(config.maxPorts, this.#ports.length, true);
    this.#state = this.#initial();
    this.#ports.forEach((port, index) =>
      port.backend.connect({ receive: (bytes) => this.#receive(index, bytes) }),
    );
  }

  #initial(): ConsoleState {
    return { open: this.#ports.map(() => false), messages: [] };
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  get #multiport(): boolean {
    return this.#transport?.negotiated(feature.multiport) === true;
  }

  /** Bytes from the host for a port's guest; takes what the driver's buffers hold. */
  #receive(port: number, bytes: Uint8Array): number {
    const transport = this.#transport;
    if (transport?.driverReady !== true) return 0;
    if (this.#multiport && this.#state.open[port] !== true) return 0;
    const queue = transport.queue(receiveQueue(port));
    let taken = 0;
    while (taken < bytes.length) {
      const chain = queue.pop();
      if (chain === undefined) break;
      const written = queue.writeChain(chain, bytes.subarray(taken));
      queue.push(chain.head, written);
      taken += written;
    }
    queue.signal();
    return taken;
  }

  notified(index: number): void {
    if (index === controlReceive) this.#sendMessages();
    else if (index === controlTransmit) this.#takeControl();
    else if (index % 2 === 0) this.#ports[portOf(index)]?.backend.resumeInput?.();
    else this.#transmit(portOf(index), index);
  }

  #transmit(port: number, index: number): void {
    const queue = this.#transport?.queue(index);
    if (queue === undefined) return;
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      for (let skip = 0; skip < chain.readableLength; skip += mostBytes)
        this.#ports[port]?.backend.write(queue.readChain(chain, skip, mostBytes));
      queue.push(chain.head, 0);
    }
    queue.signal();
  }

  // Control messages, §5.3.6.2: id u32, event u16, value u16, then a name

  #takeControl(): void {
    const queue = this.#transport?.queue(controlTransmit);
    if (queue === undefined) return;
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      const message = queue.readChain(chain, 0, 8);
      queue.push(chain.head, 0);
      if (message.length < 8) continue;
      const view = new DataView(message.buffer);
      this.#control(view.getUint32(0, true), view.getUint16(4, true), view.getUint16(6, true));
    }
    queue.signal();
    this.#sendMessages();
  }

  #control(id: number, kind: number, value: number): void {
    if (kind === event.deviceReady) {
      if (value === 1) this.#ports.forEach((_, index) => this.#enqueue(index, event.portAdd, 1));
      return;
    }
    const port = this.#ports[id];
    if (port === undefined) return;
    if (kind === event.portReady && value === 1) {
      if (id === 0) this.#enqueue(id, event.consolePort, 1);
      else this.#enqueue(id, event.portName, 1, port.name);
      this.#enqueue(id, event.portOpen, 1);
    } else if (kind === event.portOpen) {
      this.#state.open[id] = value === 1;
      if (value === 1) port.backend.resumeInput?.();
    }
  }

  #enqueue(id: number, kind: number, value: number, name = ''): void {
    const text = new TextEncoder().encode(name);
    const message = new Uint8Array(8 + text.length);
    const view = new DataView(message.buffer);
    view.setUint32(0, id, true);
    view.setUint16(4, kind, true);
    view.setUint16(6, value, true);
    message.set(text, 8);
    this.#state.messages.push(message);
    // A driver that asks again and again without taking answers gets no more.
    if (this.#state.messages.length > 16 * (this.#ports.length + 1)) this.#state.messages.shift();
  }

  #sendMessages(): void {
    const transport = this.#transport;
    if (transport === undefined || !this.#multiport) return;
    const queue = transport.queue(controlReceive);
    while (this.#state.messages.length > 0) {
      const chain = queue.pop();
      if (chain === undefined) break;
      const message = this.#state.messages.shift();
      if (message !== undefined) queue.push(chain.head, queue.writeChain(chain, message));
    }
    queue.signal();
  }

  /** §5.3.6.3: a byte before any queue works. */
  configWritten(offset: number, _width: number, value: number): void {
    if (offset === config.emergencyWrite)
      this.#ports[0]?.backend.write(Uint8Array.of(value & 0xff));
  }

  reset(): void {
    this.#state = this.#initial();
  }

  save(): { readonly version: number; readonly data: ConsoleState } {
    const { open, messages } = this.#state;
    return { version: 1, data: { open: [...open], messages: messages.map((m) => m.slice()) } };
  }

  load(state: VersionedState): void {
    const { open, messages } = checkedState('virtio console', state, this.save());
    if (open.length !== this.#ports.length || !messages.every((m) => m instanceof Uint8Array))
      throw new StateError('virtio console: saved state has other ports or damaged messages');
    this.#state = { open: [...open], messages: messages.map((m) => m.slice()) };
  }
}

const receiveQueue = (port: number): number => (port === 0 ? 0 : 2 * port + 2);
const portOf = (queue: number): number => (queue < 2 ? 0 : (queue >> 1) - 1);
