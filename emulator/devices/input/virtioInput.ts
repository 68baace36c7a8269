/**
 * Virtio input device (virtio 1.2 §5.8): events to the guest on queue 0, LEDs from it on queue 1. What a
 * device can do is a description; virtioKeyboard() and virtioTablet() give the two there are.
 */
import { keys } from '../../../shared/input/keys.ts';
import { checkedState } from '../../bus/deviceState.ts';
import type { VersionedState } from '../../bus/types.ts';
import type { VirtioDevice, VirtioTransport } from '../virtio/virtioDevice.ts';

/** §5.8.4 */
const select = { name: 1, serial: 2, ids: 3, properties: 0x10, events: 0x11, axis: 0x12 } as const;
/** Header of the configuration: select, subsel, size, five reserved bytes. */
const payload = 8;
const payloadSize = 128;
const eventSize = 8;
const eventQueue = 0;
/** Events kept for a guest that has no buffers. */
const mostPending = 256;

/** Event types and codes of Linux' input-event-codes.h (§5.8.2 refers to it). */
export const event = {
  sync: 0,
  key: 1,
  relative: 2,
  absolute: 3,
  led: 0x11,
  repeat: 0x14,
} as const;
const axis = { x: 0, y: 1 } as const;
const wheel = { horizontal: 6, vertical: 8 } as const;
/** BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, BTN_EXTRA in the order of InputEvent's buttons. */
const buttons = [0x110, 0x112, 0x111, 0x113, 0x114] as const;
/** Range of an absolute axis. */
export const axisMaximum = 0x7fff;

export interface VirtioInputDescription {
  readonly name: string;
  readonly product: number;
  /** Codes of each event type that the device has. */
  readonly codes: ReadonlyMap<number, readonly number[]>;
}

type GuestEvent = [type: number, code: number, value: number];

export class VirtioInput implements VirtioDevice {
  readonly type = 18;
  readonly classCode = 0x098000;
  readonly features = 0n;
  readonly queueSizes = [64, 64];
  readonly config = new Uint8Array(payload + payloadSize);
  readonly #description: VirtioInputDescription;
  #transport: VirtioTransport | undefined;
  #pending: GuestEvent[] = [];
  /** Absolute positions and what is held, so that nothing is told twice. */
  readonly #state = new Map<number, number>();

  constructor(description: VirtioInputDescription) {
    this.#description = description;
  }

  /** The guest has a driver that listens. */
  get ready(): boolean {
    return this.#transport?.driverReady === true;
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  configWritten(offset: number, width: number, value: number): void {
    // The driver may only write the two selectors.
    for (let i = 0; i < width && offset + i < 2; i++)
      this.config[offset + i] = (value >>> (8 * i)) & 0xff;
    this.#fillConfig();
  }

  #fillConfig(): void {
    const content = this.#selected(this.config[0] ?? 0, this.config[1] ?? 0);
    this.config.fill(0, 2);
    this.config[2] = content.length;
    this.config.set(content, payload);
  }

  #selected(what: number, which: number): Uint8Array {
    const { name, product, codes } = this.#description;
    const words = (size: 2 | 4, ...values: number[]): Uint8Array => {
      const view = new DataView(new ArrayBuffer(values.length * size));
      values.forEach((value, i) =>
        size === 2 ? view.setUint16(i * 2, value, true) : view.setUint32(i * 4, value, true),
      );
      return new Uint8Array(view.buffer);
    };
    switch (what) {
      case select.name:
        return new TextEncoder().encode(name);
      case select.ids:
        // BUS_VIRTUAL, and the vendor of the PCI device.
        return words(2, 0x06, 0x1af4, product, 1);
      case select.events:
        return bitmap(codes.get(which) ?? []);
      case select.axis:
        return codes.get(event.absolute)?.includes(which) === true
          ? words(4, 0, axisMaximum, 0, 0, 0)
          : new Uint8Array();
      default:
        return new Uint8Array();
    }
  }

  /** A key by `KeyboardEvent.code`. */
  key(name: string, down: boolean): void {
    const code = keys.get(name)?.evdev;
    if (code !== undefined) this.#tell([[event.key, code, down ? 1 : 0]]);
  }

  /** 0..1 from the upper left. */
  point(x: number, y: number): void {
    const scaled = (n: number): number =>
      Math.round(Math.max(0, Math.min(1, n)) * axisMaximum) || 0;
    this.#tell([
      [event.absolute, axis.x, scaled(x)],
      [event.absolute, axis.y, scaled(y)],
    ]);
  }

  /** `button` as in InputEvent. */
  button(button: number, down: boolean): void {
    const code = buttons[button];
    if (code !== undefined) this.#tell([[event.key, code, down ? 1 : 0]]);
  }

  /** Notches; positive is down and to the right (evdev has up positive). */
  wheel(vertical: number, horizontal: number): void {
    this.#tell([
      [event.relative, wheel.vertical, -Math.trunc(vertical)],
      [event.relative, wheel.horizontal, Math.trunc(horizontal)],
    ]);
  }

  #tell(events: readonly GuestEvent[]): void {
    if (!this.ready) return;
    const news = events.filter(([type, code, value]) => {
      if (type === event.relative) return value !== 0;
      const before = this.#state.get(type * 0x1_0000 + code) ?? (type === event.key ? 0 : -1);
      this.#state.set(type * 0x1_0000 + code, value);
      return before !== value;
    });
    if (news.length === 0 || this.#pending.length + news.length >= mostPending) return;
    this.#pending.push(...news, [event.sync, 0, 0]);
    this.#send();
  }

  #send(): void {
    const queue = this.#transport?.queue(eventQueue);
    if (queue === undefined || !this.ready) return;
    while (this.#pending.length > 0) {
      const chain = queue.pop();
      if (chain === undefined) break;
      if (chain.writableLength < eventSize) {
        this.#transport?.fail('an input event buffer is shorter than an event');
        return;
      }
      const [type, code, value] = this.#pending.shift() ?? [0, 0, 0];
      const view = new DataView(new ArrayBuffer(eventSize));
      view.setUint16(0, type, true);
      view.setUint16(2, code, true);
      view.setInt32(4, value, true);
      queue.push(chain.head, queue.writeChain(chain, new Uint8Array(view.buffer)));
    }
    queue.signal();
  }

  notified(index: number): void {
    if (index === eventQueue) return this.#send();
    // LEDs: nobody looks at them, but the buffers go back.
    const queue = this.#transport?.queue(index);
    for (let chain = queue?.pop(); chain !== undefined; chain = queue?.pop())
      queue?.push(chain.head, 0);
    queue?.signal();
  }

  reset(): void {
    this.#pending = [];
    this.#state.clear();
    this.config.fill(0);
  }

  save() {
    return {
      version: 1,
      data: {
        select: [this.config[0] ?? 0, this.config[1] ?? 0],
        pending: this.#pending.flat(),
        state: [...this.#state].flat(),
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState('virtio input', state, this.save());
    this.config.set(data.select.slice(0, 2));
    this.#fillConfig();
    this.#pending = triples(data.pending);
    this.#state.clear();
    for (let i = 0; i + 1 < data.state.length; i += 2)
      this.#state.set(data.state[i] ?? 0, data.state[i + 1] ?? 0);
  }
}

const triples = (flat: readonly number[]): GuestEvent[] =>
  Array.from({ length: Math.floor(flat.length / 3) }, (_, i) => [
    flat[3 * i] ?? 0,
    flat[3 * i + 1] ?? 0,
    flat[3 * i + 2] ?? 0,
  ]);

function bitmap(codes: readonly number[]): Uint8Array {
  const bits = new Uint8Array(codes.length === 0 ? 0 : (Math.max(...codes) >>> 3) + 1);
  for (const code of codes) bits[code >>> 3] = (bits[code >>> 3] ?? 0) | (1 << (code & 7));
  return bits;
}

export const virtioKeyboard = (): VirtioInput =>
  new VirtioInput({
    name: 'Guesthouse keyboard',
    product: 1,
    codes: new Map([
      [event.key, [...keys.values()].map(({ evdev }) => evdev)],
      // Num Lock, Caps Lock, Scroll Lock; delay and period of the guest's own repeat.
      [event.led, [0, 1, 2]],
      [event.repeat, [0, 1]],
    ]),
  });

export const virtioTablet = (): VirtioInput =>
  new VirtioInput({
    name: 'Guesthouse tablet',
    product: 2,
    codes: new Map<number, readonly number[]>([
      [event.key, buttons],
      [event.relative, [wheel.horizontal, wheel.vertical]],
      [event.absolute, [axis.x, axis.y]],
    ]),
  });
