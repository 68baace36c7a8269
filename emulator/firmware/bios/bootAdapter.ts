/**
 * A network adapter as the BIOS uses it: below the card, so that it needs no driver for any of them. While it
 * is open, what the network sends goes to the BIOS as well; a driver that sends takes the card over.
 */
import type { AdapterEnd, Frame, NetworkBackend } from '../../backends/network.ts';
import { plainFrame } from '../../backends/network.ts';

/** Frames that wait for the BIOS. */
const mostWaiting = 64;
const longestFrame = 1514;

export interface BootAdapterPlace {
  /** For people: "Network adapter 1". */
  readonly name: string;
  /** Six bytes. */
  readonly mac: Uint8Array;
  /** Bus, device and function, as PCI BIOS numbers them. */
  readonly bdf: number;
}

export class BootAdapter {
  readonly place: BootAdapterPlace;
  #network: NetworkBackend | undefined;
  #card: AdapterEnd | undefined;
  #waiting: Uint8Array[] = [];
  #received: (() => void) | undefined;

  constructor(place: BootAdapterPlace) {
    this.place = place;
  }

  /** Stands between the card and its network from now on. */
  join(network: NetworkBackend): NetworkBackend {
    this.#network = network;
    return new Joint(network, {
      connected: (card) => (this.#card = card),
      toCard: (frame) => this.#toCard(frame),
      fromCard: () => {
        if (this.isOpen) this.close();
      },
    });
  }

  get linkUp(): boolean {
    return this.#network?.linkUp === true;
  }

  get isOpen(): boolean {
    return this.#received !== undefined;
  }

  /** `received` is called when there is something to receive(). */
  open(received: () => void): void {
    this.#waiting = [];
    this.#received = received;
  }

  close(): void {
    this.#waiting = [];
    this.#received = undefined;
  }

  /** What the network has no room for is lost, as on any line. */
  send(bytes: Uint8Array): void {
    this.#network?.take(plainFrame(bytes));
    this.#network?.flush();
  }

  get waiting(): boolean {
    return this.#waiting.length > 0;
  }

  receive(): Uint8Array | undefined {
    return this.#waiting.shift();
  }

  #toCard(frame: Frame): boolean {
    if (this.#card?.take(frame) === false) return false;
    if (this.#received !== undefined && frame.bytes.length <= longestFrame) {
      if (this.#waiting.length < mostWaiting) this.#waiting.push(frame.bytes.slice());
      this.#received();
    }
    return true;
  }
}

interface JointParts {
  connected(card: AdapterEnd): void;
  toCard(frame: Frame): boolean;
  fromCard(): void;
}

class Joint implements NetworkBackend {
  readonly #network: NetworkBackend;
  readonly #parts: JointParts;

  constructor(network: NetworkBackend, parts: JointParts) {
    this.#network = network;
    this.#parts = parts;
  }

  connect(card: AdapterEnd): void {
    const { toCard, connected } = this.#parts;
    connected(card);
    this.#network.connect({
      get offloads() {
        return card.offloads;
      },
      take: toCard,
      ready: () => card.ready(),
      flush: () => card.flush(),
      linkChanged: (up) => card.linkChanged(up),
    });
  }

  get linkUp(): boolean {
    return this.#network.linkUp;
  }

  take(frame: Frame): boolean {
    this.#parts.fromCard();
    return this.#network.take(frame);
  }

  ready(): void {
    this.#network.ready();
  }

  flush(): void {
    this.#network.flush();
  }

  dispose(): void {
    this.#network.dispose?.();
  }
}
