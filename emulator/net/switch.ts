/** A learning Ethernet switch (IEEE 802.1D §7): the cable between several machines. */
import type { Frame, FrameEnd } from '../backends/network.ts';
import { isMulticast, macKey } from './packet/ethernet.ts';

const mostStations = 1024;

export interface SwitchPort extends FrameEnd {
  /** Frames that the port's own end had no room for. */
  readonly dropped: number;
  remove(): void;
}

export interface PortOptions {
  /**
   * A full port stops this sender until there is room, instead of losing the frame. Only for a sender that
   * others do not wait behind, as a gateway whose connections are stopped one by one.
   */
  readonly patient?: boolean;
}

export class Switch {
  readonly #ports = new Set<Port>();
  readonly #stations = new Map<number, Port>();

  /** `peer` is what is plugged in. */
  plug(peer: FrameEnd, { patient = false }: PortOptions = {}): SwitchPort {
    const port = new Port(this, peer, patient);
    this.#ports.add(port);
    return port;
  }

  /** The port that a station was seen at last. */
  portOf(mac: Uint8Array): SwitchPort | undefined {
    return this.#stations.get(macKey(mac, 0));
  }

  get ports(): number {
    return this.#ports.size;
  }

  unplug(port: Port): void {
    this.#ports.delete(port);
    for (const [station, at] of this.#stations) if (at === port) this.#stations.delete(station);
  }

  forward(from: Port, frame: Frame): boolean {
    const { bytes } = frame;
    if (bytes.length < 14) return true;
    if (((bytes[6] as number) & 1) === 0) this.#learn(macKey(bytes, 6), from);
    const to = isMulticast(bytes) ? undefined : this.#stations.get(macKey(bytes, 0));
    if (to === from) return true;
    if (to !== undefined) {
      if (to.peer.take(frame)) return true;
      if (from.patient) {
        to.waiting.add(from);
        return false;
      }
      to.dropped++;
      return true;
    }
    for (const port of this.#ports) if (port !== from && !port.peer.take(frame)) port.dropped++;
    return true;
  }

  #learn(station: number, port: Port): void {
    if (this.#stations.get(station) === port) return;
    if (this.#stations.size >= mostStations && !this.#stations.has(station)) {
      const [oldest] = this.#stations.keys();
      if (oldest !== undefined) this.#stations.delete(oldest);
    }
    this.#stations.set(station, port);
  }

  flush(from: Port): void {
    for (const port of this.#ports) if (port !== from) port.peer.flush();
  }
}

class Port implements SwitchPort {
  readonly #switch: Switch;
  readonly peer: FrameEnd;
  readonly patient: boolean;
  readonly waiting = new Set<Port>();
  dropped = 0;

  constructor(owner: Switch, peer: FrameEnd, patient: boolean) {
    this.#switch = owner;
    this.peer = peer;
    this.patient = patient;
  }

  take(frame: Frame): boolean {
    return this.#switch.forward(this, frame);
  }

  ready(): void {
    if (this.waiting.size === 0) return;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const port of waiting) port.peer.ready();
  }

  flush(): void {
    this.#switch.flush(this);
  }

  remove(): void {
    this.#switch.unplug(this);
    this.ready();
  }
}
