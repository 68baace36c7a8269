/**
 * A driver of virtio over PCI, for tests: it knows only configuration space and BARs, as a guest does
 * (constants from virtio 1.2 §4.1 and PCI 3.0).
 */
import { MemoryBus } from '../../../bus/memoryBus.ts';
import { PortBus } from '../../../bus/portBus.ts';
import type { Width } from '../../../bus/types.ts';
import type { PciSlot } from '../../pci/pciFunction.ts';
import type { VirtioDevice } from '../virtioDevice.ts';
import { VirtioPci } from '../virtioPci.ts';
import { ArrayMemory } from './arrayMemory.ts';
import { QueueDriver } from './queueDriver.ts';

const barAddress = 0xe0000000;
const msixBarAddress = 0xe0010000;

export class PciDriver {
  readonly memory: ArrayMemory;
  readonly bus = new MemoryBus();
  readonly fn: VirtioPci;
  readonly reports: string[] = [];
  /** Data words of MSI-X messages. */
  readonly messages: number[] = [];
  interruptLine = false;
  readonly queues: QueueDriver[] = [];
  #areas = new Map<number, number>();
  #notifyMultiplier = 0;
  #msix = 0;

  constructor(device: VirtioDevice, memory = new ArrayMemory(1 << 20)) {
    this.memory = memory;
    const slot: PciSlot = {
      device: 3,
      function: 0,
      ports: new PortBus(),
      memory: this.bus,
      interruptLine: () => ({ set: (high) => (this.interruptLine = high), pulse: () => undefined }),
      sendMessage: (_address, data) => this.messages.push(data),
    };
    this.fn = new VirtioPci('virtio-test', slot, memory, device, {
      report: (line) => this.reports.push(line),
    });
  }

  /** Maps BARs and finds the capabilities. */
  probe(): this {
    const { config } = this.fn;
    config.write(0x10, 4, barAddress);
    config.write(0x14, 4, msixBarAddress);
    config.write(0x04, 2, 0x6);
    for (let at = config.read(0x34, 1); at !== 0; at = config.read(at + 1, 1)) {
      const id = config.read(at, 1);
      if (id === 0x11) this.#msix = at;
      if (id !== 0x09) continue;
      const type = config.read(at + 3, 1);
      this.#areas.set(type, barAddress + config.read(at + 8, 4));
      if (type === 2) this.#notifyMultiplier = config.read(at + 16, 4);
    }
    return this;
  }

  #address(type: number): number {
    const address = this.#areas.get(type);
    if (address === undefined) throw new Error(`no capability of type ${type}`);
    return address;
  }
  common(offset: number, width: Width): number {
    return this.bus.read(this.#address(1) + offset, width);
  }
  setCommon(offset: number, width: Width, value: number): void {
    this.bus.write(this.#address(1) + offset, width, value);
  }
  isr(): number {
    return this.bus.read(this.#address(3), 1);
  }
  deviceConfig(offset: number, width: Width): number {
    return this.bus.read(this.#address(4) + offset, width);
  }
  setDeviceConfig(offset: number, width: Width, value: number): void {
    this.bus.write(this.#address(4) + offset, width, value);
  }
  get status(): number {
    return this.common(20, 1);
  }
  set status(value: number) {
    this.setCommon(20, 1, value);
  }
  notify(queue: number): void {
    this.setCommon(22, 2, queue);
    this.bus.write(this.#address(2) + this.common(30, 2) * this.#notifyMultiplier, 2, queue);
  }

  offered(): bigint {
    this.setCommon(0, 4, 0);
    const low = BigInt(this.common(4, 4));
    this.setCommon(0, 4, 1);
    return low | (BigInt(this.common(4, 4)) << 32n);
  }

  /** Accepts features and returns whether the device took them. */
  negotiate(features: bigint): boolean {
    this.status = 0;
    this.status = 1;
    this.status = 3;
    this.setCommon(8, 4, 0);
    this.setCommon(12, 4, Number(features & 0xffffffffn));
    this.setCommon(8, 4, 1);
    this.setCommon(12, 4, Number(features >> 32n));
    this.status = 0xb;
    return (this.status & 8) !== 0;
  }

  /** Enables vector 0 for configuration and 1 + n for queue n. */
  enableMsix(): void {
    const { config } = this.fn;
    const vectors = (config.read(this.#msix + 2, 2) & 0x7ff) + 1;
    for (let vector = 0; vector < vectors; vector++) {
      this.bus.write(msixBarAddress + 16 * vector, 4, 0xfee00000);
      this.bus.write(msixBarAddress + 16 * vector + 8, 4, 0x40 + vector);
      this.bus.write(msixBarAddress + 16 * vector + 12, 4, 0);
    }
    config.write(this.#msix + 2, 2, 0x8000);
    this.setCommon(16, 2, 0);
    for (let queue = 0; queue < this.common(18, 2); queue++) {
      this.setCommon(22, 2, queue);
      this.setCommon(26, 2, 1 + queue);
    }
  }

  /** Lays out every queue with `size` descriptors, 8 KiB apart from `base`. */
  enableQueues(size: number, base = 0x10000): void {
    const count = this.common(18, 2);
    for (let index = 0; index < count; index++) {
      this.memory.bytes.fill(0, base + index * 0x2000, base + (index + 1) * 0x2000);
      const queue = new QueueDriver(this.memory, base + index * 0x2000, size);
      this.queues[index] = queue;
      this.setCommon(22, 2, index);
      this.setCommon(24, 2, size);
      this.setCommon(32, 4, queue.descriptors);
      this.setCommon(36, 4, 0);
      this.setCommon(40, 4, queue.available);
      this.setCommon(44, 4, 0);
      this.setCommon(48, 4, queue.used);
      this.setCommon(52, 4, 0);
      this.setCommon(28, 2, 1);
    }
  }

  /** Everything up to DRIVER_OK, with all features but those in `without`. */
  start(without = 0n, size = 16): this {
    this.probe();
    if (!this.negotiate(this.offered() & ~without)) throw new Error('features were refused');
    this.enableMsix();
    this.enableQueues(size);
    this.status = 0xf;
    return this;
  }

  queue(index: number): QueueDriver {
    const queue = this.queues[index];
    if (queue === undefined) throw new Error(`no queue ${index}`);
    return queue;
  }

  put(address: number, bytes: Uint8Array): void {
    this.memory.bytes.set(bytes, address);
  }
  get(address: number, length: number): Uint8Array {
    return this.memory.bytes.slice(address, address + length);
  }
}
