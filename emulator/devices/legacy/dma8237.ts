/**
 * The two 8237A DMA controllers of a PC/AT with their page registers (Intel 8237A data sheet; IBM PC/AT
 * Technical Reference). Transfers happen at once when the device asks. Memory-to-memory transfers, which
 * the AT cannot do, and the timing bits of the command register are left out.
 */
import { checkedState } from '../../bus/deviceState.ts';
import { byteRegion } from '../../bus/portBus.ts';
import type { Device, DeviceId, DmaMemory, IoRegion, VersionedState } from '../../bus/types.ts';
import { guestPhysical } from '../../bus/types.ts';

/** A channel as the device sees it that is wired to it. */
export interface DmaChannel {
  /** Programmed for this direction, not masked, and its controller is on. */
  ready(direction: 'toMemory' | 'fromMemory'): boolean;
  /** Bytes until the terminal count. */
  readonly left: number;
  /** Moves at most `left` bytes; true when the terminal count has been reached. */
  toMemory(bytes: Uint8Array): boolean;
  /** Fills `target`, of at most `left` bytes. */
  fromMemory(target: Uint8Array): boolean;
  /** `changed` is called whenever the channel may have become ready. */
  onChange(changed: () => void): void;
}

const VERIFY = 0;
const WRITE = 1;
const READ = 2;

class Channel implements DmaChannel {
  baseAddress = 0;
  baseCount = 0;
  address = 0;
  count = 0;
  mode = 0;
  page = 0;
  masked = true;
  changed: () => void = () => undefined;
  readonly #controller: Controller;
  readonly #bit: number;
  readonly #memory: DmaMemory;

  constructor(controller: Controller, index: number, memory: DmaMemory) {
    this.#controller = controller;
    this.#bit = 1 << index;
    this.#memory = memory;
  }

  onChange(changed: () => void): void {
    this.changed = changed;
  }

  get #unit(): number {
    return this.#controller.unit;
  }

  ready(direction: 'toMemory' | 'fromMemory'): boolean {
    const type = (this.mode >>> 2) & 3;
    const fits = type === VERIFY || type === (direction === 'toMemory' ? WRITE : READ);
    // Mode 3 cascades another controller.
    return !this.masked && !this.#controller.disabled && this.mode >>> 6 !== 3 && fits;
  }

  get left(): number {
    return (this.count + 1) * this.#unit;
  }

  toMemory(bytes: Uint8Array): boolean {
    return this.#move(bytes, (type, at, piece) => {
      if (type === WRITE) this.#memory.write(guestPhysical(at), piece);
    });
  }

  fromMemory(target: Uint8Array): boolean {
    return this.#move(target, (type, at, piece) => {
      if (type === READ) this.#memory.read(guestPhysical(at), piece);
    });
  }

  /** The address wraps in its 64 Ki units: the page register does not count. */
  #move(
    bytes: Uint8Array,
    access: (type: number, address: number, piece: Uint8Array) => void,
  ): boolean {
    const unit = this.#unit;
    const type = (this.mode >>> 2) & 3;
    const page = unit === 1 ? this.page * 0x10000 : (this.page & 0xfe) * 0x10000;
    const down = (this.mode & 0x20) !== 0;
    const units = Math.min(Math.ceil(bytes.length / unit), this.count + 1);
    for (let done = 0; done < units;) {
      const run = down ? 1 : Math.min(units - done, 0x10000 - this.address);
      const piece = bytes.subarray(done * unit, (done + run) * unit);
      access(type, page + this.address * unit, piece);
      this.address = (this.address + (down ? -1 : run)) & 0xffff;
      done += run;
    }
    this.count -= units;
    if (this.count >= 0) return false;
    this.#controller.terminalCounts |= this.#bit;
    this.count = 0xffff;
    if ((this.mode & 0x10) !== 0) {
      this.address = this.baseAddress;
      this.count = this.baseCount;
    } else this.masked = true;
    return true;
  }

  reset(): void {
    this.masked = true;
  }

  save() {
    const { baseAddress, baseCount, address, count, mode, page, masked } = this;
    return { baseAddress, baseCount, address, count, mode, page, masked };
  }
}

class Controller {
  /** Bytes a transfer. */
  readonly unit: 1 | 2;
  readonly channels: readonly Channel[];
  command = 0;
  terminalCounts = 0;
  requests = 0;
  /** The byte pointer: the next access to an address or count is to its upper half. */
  upper = false;

  constructor(unit: 1 | 2, memory: DmaMemory) {
    this.unit = unit;
    this.channels = [0, 1, 2, 3].map((index) => new Channel(this, index, memory));
  }

  get disabled(): boolean {
    return (this.command & 0x04) !== 0;
  }

  #channel(index: number): Channel {
    return this.channels[index & 3] as Channel;
  }

  read(register: number): number {
    if (register < 8) {
      const channel = this.#channel(register >>> 1);
      const value = (register & 1) === 0 ? channel.address : channel.count;
      this.upper = !this.upper;
      return this.upper ? value & 0xff : value >>> 8;
    }
    if (register !== 8) return register === 0x0f ? 0xf0 | this.#masks() : 0;
    const status = this.terminalCounts | (this.requests << 4);
    this.terminalCounts = 0;
    return status;
  }

  #masks(): number {
    return this.channels.reduce((bits, { masked }, i) => bits | (masked ? 1 << i : 0), 0);
  }

  write(register: number, value: number): void {
    if (register < 8) {
      const channel = this.#channel(register >>> 1);
      const put = (word: number): number =>
        this.upper ? (word & 0x00ff) | (value << 8) : (word & 0xff00) | value;
      // Writing a half sets it in the base register and the current one (data sheet, "Base Address").
      if ((register & 1) === 0) channel.address = channel.baseAddress = put(channel.baseAddress);
      else channel.count = channel.baseCount = put(channel.baseCount);
      this.upper = !this.upper;
      return;
    }
    this.#control(register, value);
    for (const channel of this.channels) channel.changed();
  }

  #control(register: number, value: number): void {
    const channel = this.#channel(value);
    switch (register) {
      case 0x8:
        this.command = value;
        return;
      case 0x9: {
        const bit = 1 << (value & 3);
        this.requests = (value & 4) !== 0 ? this.requests | bit : this.requests & ~bit;
        return;
      }
      case 0xa:
        channel.masked = (value & 4) !== 0;
        return;
      case 0xb:
        channel.mode = value;
        return;
      case 0xc:
        this.upper = false;
        return;
      case 0xd:
        this.reset();
        return;
      case 0xe:
        for (const each of this.channels) each.masked = false;
        return;
      case 0xf:
        this.channels.forEach((each, i) => (each.masked = (value & (1 << i)) !== 0));
        return;
    }
  }

  reset(): void {
    this.command = 0;
    this.terminalCounts = 0;
    this.requests = 0;
    this.upper = false;
    for (const channel of this.channels) channel.reset();
  }

  save() {
    const { command, terminalCounts, requests, upper } = this;
    return {
      ...{ command, terminalCounts, requests, upper },
      channels: this.channels.map((channel) => channel.save()),
    };
  }

  load(saved: ReturnType<Controller['save']>): void {
    this.command = saved.command;
    this.terminalCounts = saved.terminalCounts;
    this.requests = saved.requests;
    this.upper = saved.upper;
    this.channels.forEach((channel, i) => Object.assign(channel, saved.channels[i]));
  }
}

/** Page register by its offset from port 80h → channel; the other bytes only remember. */
const pageChannels: Readonly<Record<number, number>> = {
  ...{ 0x7: 0, 0x3: 1, 0x1: 2, 0x2: 3 },
  ...{ 0xf: 4, 0xb: 5, 0x9: 6, 0xa: 7 },
};

export class Dma8237 implements Device {
  readonly id: DeviceId = 'dma';
  readonly #first: Controller;
  readonly #second: Controller;
  readonly #spare = new Uint8Array(16);

  constructor(memory: DmaMemory) {
    this.#first = new Controller(1, memory);
    this.#second = new Controller(2, memory);
  }

  /** Channels 0 to 3 move bytes, 5 to 7 words; 4 is the cascade. */
  channel(number: number): DmaChannel {
    return this.#channel(number);
  }

  #channel(number: number): Channel {
    return (number < 4 ? this.#first : this.#second).channels[number & 3] as Channel;
  }

  /** Ports 0x00..0x0f. */
  readonly firstRegion: IoRegion = byteRegion({
    read: (offset) => this.#first.read(offset),
    write: (offset, value) => this.#first.write(offset, value),
  });

  /** Ports 0xc0..0xdf: a register every two ports. */
  readonly secondRegion: IoRegion = byteRegion({
    read: (offset) => this.#second.read(offset >>> 1),
    write: (offset, value) => this.#second.write(offset >>> 1, value),
  });

  /** Ports 0x81..0x8f; 0x80 is the POST code's. */
  readonly pageRegion: IoRegion = byteRegion({
    read: (offset) => {
      const channel = pageChannels[offset + 1];
      return channel === undefined
        ? (this.#spare[offset + 1] ?? 0xff)
        : this.#channel(channel).page;
    },
    write: (offset, value) => {
      const channel = pageChannels[offset + 1];
      if (channel === undefined) this.#spare[offset + 1] = value;
      else this.#channel(channel).page = value;
    },
  });

  reset(): void {
    for (const controller of [this.#first, this.#second]) {
      controller.reset();
      for (const channel of controller.channels) {
        Object.assign(channel, { baseAddress: 0, baseCount: 0, address: 0, count: 0 });
        Object.assign(channel, { mode: 0, page: 0 });
      }
    }
    // Firmware leaves the cascade open.
    const cascade = this.#channel(4);
    cascade.mode = 0xc0;
    cascade.masked = false;
    this.#spare.fill(0);
  }

  save() {
    return {
      version: 1,
      data: {
        first: this.#first.save(),
        second: this.#second.save(),
        spare: this.#spare.slice(),
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#first.load(data.first);
    this.#second.load(data.second);
    this.#spare.set(data.spare);
  }
}
