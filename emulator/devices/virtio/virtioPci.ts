/**
 * Virtio over PCI, modern devices only (virtio 1.2 §4.1): capabilities of §4.1.4, MSI-X per queue with
 * INTx as the fallback. Left out: the transitional interface, NOTIFICATION_DATA, RING_RESET, packed queues.
 */
import { checkedState } from '../../bus/deviceState.ts';
import {
  StateError,
  type DeviceId,
  type DmaMemory,
  type IoRegion,
  type VersionedState,
  type Width,
} from '../../bus/types.ts';
import { MsiX } from '../pci/msiX.ts';
import { PciConfig } from '../pci/pciConfig.ts';
import type { PciFunction, PciSlot } from '../pci/pciFunction.ts';
import { ringFeature, type VirtioDevice, type VirtioTransport } from './virtioDevice.ts';
import { Virtqueue } from './virtqueue.ts';

/** §4.1.2 */
const VENDOR = 0x1af4;
const MODERN_DEVICE_BASE = 0x1040;
/** §4.1.4: vendor-specific capability and its cfg_type values. */
const VENDOR_CAPABILITY = 0x09;
const capability = { common: 1, notify: 2, isr: 3, device: 4, pciAccess: 5 } as const;
/** Pages of the BAR. */
const area = { common: 0x0000, isr: 0x1000, device: 0x2000, notify: 0x3000, size: 0x4000 } as const;
const notifyMultiplier = 4;
/** §4.1.4.3 */
const NO_VECTOR = 0xffff;
/** §2.1 */
const status = { driverOk: 4, featuresOk: 8, needsReset: 64 } as const;
/** §4.1.4.5 */
const isrBit = { queue: 1, config: 2 } as const;

/** §4.1.4.3: fields of the common configuration, as [offset, bytes]. */
const common = {
  deviceFeatureSelect: 0,
  deviceFeature: 4,
  driverFeatureSelect: 8,
  driverFeature: 12,
  configVector: 16,
  queueCount: 18,
  deviceStatus: 20,
  configGeneration: 21,
  queueSelect: 22,
  queueSize: 24,
  queueVector: 26,
  queueEnable: 28,
  queueNotifyOffset: 30,
  descriptorsLow: 32,
  descriptorsHigh: 36,
  availableLow: 40,
  availableHigh: 44,
  usedLow: 48,
  usedHigh: 52,
  end: 56,
} as const;

interface TransportState {
  deviceFeatureSelect: number;
  driverFeatureSelect: number;
  driverFeatures: bigint;
  status: number;
  isr: number;
  configGeneration: number;
  configVector: number;
  queueSelect: number;
  queueVectors: number[];
}

interface SavedState extends TransportState {
  pci: VersionedState;
  msiX: VersionedState;
  queues: VersionedState[];
  device: VersionedState;
}

/** Where the registers are, for functions that have others too. */
export interface VirtioPlace {
  readonly bar: number;
  /** Offset of virtio's registers in the BAR, at most the size of virtio's, and what lies below it. */
  readonly offset: number;
  readonly below?: IoRegion;
  readonly msixBar: number;
}

export interface VirtioPciOptions {
  readonly place?: VirtioPlace;
  /** A driver broke the rules; worth a line in the log. */
  readonly report?: (line: string) => void;
}

export class VirtioPci implements PciFunction, VirtioTransport {
  readonly id: DeviceId;
  readonly config: PciConfig;
  readonly device: VirtioDevice;
  readonly #msiX: MsiX;
  readonly #queues: readonly Virtqueue[];
  readonly #features: bigint;
  readonly #report: (line: string) => void;
  readonly #pciAccess: number;
  readonly #place: VirtioPlace;
  #state: TransportState;

  constructor(
    id: DeviceId,
    slot: PciSlot,
    memory: DmaMemory,
    device: VirtioDevice,
    options: VirtioPciOptions = {},
  ) {
    this.id = id;
    this.device = device;
    this.#place = options.place ?? { bar: 0, offset: 0, msixBar: 1 };
    this.#report = options.report ?? (() => undefined);
    this.#features =
      device.features |
      (1n << ringFeature.indirect) |
      (1n << ringFeature.eventIndex) |
      (1n << ringFeature.version1);
    this.#queues = device.queueSizes.map(
      (size, index) =>
        new Virtqueue(memory, size, {
          interrupt: () => this.#interruptQueue(index),
          onBroken: (reason) => this.fail(`queue ${index}: ${reason}`),
        }),
    );
    this.config = new PciConfig(slot, {
      vendor: VENDOR,
      device: MODERN_DEVICE_BASE + device.type,
      // §4.1.2.1: modern devices have revision 1 or higher.
      revision: 1,
      classCode: device.classCode,
      subsystemVendor: VENDOR,
      subsystem: 0x1100,
      interruptPin: 1,
    });
    this.config.addBar(this.#place.bar, {
      kind: 'memory32',
      size: this.#barSize,
      region: this.#place.offset === 0 ? this.#bar : this.#wholeBar,
    });
    const vectors = this.#queues.length + 1;
    this.#msiX = new MsiX(this.config, { vectors, bar: this.#place.msixBar });
    this.#addArea(capability.common, area.common, common.end);
    this.#addArea(capability.isr, area.isr, 1);
    this.#addArea(capability.device, area.device, Math.max(4, device.config.length));
    const multiplier = littleEndian(notifyMultiplier);
    const notifyLength = this.#queues.length * notifyMultiplier;
    this.#addArea(capability.notify, area.notify, notifyLength, multiplier);
    this.#pciAccess = this.#addArea(capability.pciAccess, 0, 0, littleEndian(0));
    this.config.intercept(this.#pciAccess + 16, 4, this.#windowRegion);
    this.#state = this.#initial();
    device.attach(this);
  }

  #initial(): TransportState {
    return {
      deviceFeatureSelect: 0,
      driverFeatureSelect: 0,
      driverFeatures: 0n,
      status: 0,
      isr: 0,
      configGeneration: 0,
      configVector: NO_VECTOR,
      queueSelect: 0,
      queueVectors: this.#queues.map(() => NO_VECTOR),
    };
  }

  /** struct virtio_pci_cap behind the ID and next-pointer bytes, and what follows it. */
  #addArea(type: number, offset: number, length: number, extra: readonly number[] = []): number {
    const size = 16 + extra.length;
    const place = type === capability.pciAccess ? { bar: 0, offset: 0 } : this.#place;
    const body = [
      ...[size, type, place.bar, 0, 0, 0],
      ...[...littleEndian(offset + place.offset), ...littleEndian(length)],
    ];
    const writable = new Uint8Array(size - 2);
    // §4.1.4.9: the driver sets bar, offset and length of its window.
    if (type === capability.pciAccess) {
      writable[2] = 0xff;
      writable.fill(0xff, 6, 14);
    }
    return this.config.addCapability(
      VENDOR_CAPABILITY,
      Uint8Array.from([...body, ...extra]),
      writable,
    );
  }

  // VirtioTransport

  queue(index: number): Virtqueue {
    const queue = this.#queues[index];
    if (queue === undefined) throw new RangeError(`${this.id} has no queue ${index}`);
    return queue;
  }

  negotiated(feature: bigint): boolean {
    return (this.#state.driverFeatures & (1n << feature)) !== 0n;
  }

  get driverReady(): boolean {
    return (this.#state.status & (status.driverOk | status.needsReset)) === status.driverOk;
  }

  configChanged(): void {
    this.#state.configGeneration = (this.#state.configGeneration + 1) & 0xff;
    if ((this.#state.status & status.driverOk) !== 0) this.#interruptConfig();
  }

  fail(reason: string): void {
    if ((this.#state.status & status.needsReset) !== 0) return;
    this.#state.status |= status.needsReset;
    this.#report(`${this.id}: ${reason}; the device stops until its driver resets it`);
    if ((this.#state.status & status.driverOk) !== 0) this.#interruptConfig();
  }

  #interruptQueue(index: number): void {
    this.#interrupt(this.#state.queueVectors[index] ?? NO_VECTOR, isrBit.queue);
  }

  #interruptConfig(): void {
    this.#interrupt(this.#state.configVector, isrBit.config);
  }

  /** §4.1.5.1.2, §4.1.5.3: by MSI-X if the driver has enabled it, else by ISR bit and INTx. */
  #interrupt(vector: number, bit: number): void {
    if (this.#msiX.enabled) {
      if (vector !== NO_VECTOR) this.#msiX.trigger(vector);
      return;
    }
    this.#state.isr |= bit;
    this.config.setInterrupt(true);
  }

  // Registers

  readonly #bar: IoRegion = {
    read: (offset, width) => {
      if (offset < area.isr) return this.#readCommon(offset, width);
      if (offset < area.device) return offset === area.isr ? this.#readIsr() : 0;
      if (offset < area.notify) return this.#readDeviceConfig(offset - area.device, width);
      return 0;
    },
    write: (offset, width, value) => {
      if (offset < area.isr) this.#writeCommon(offset, width, value >>> 0);
      else if (offset >= area.notify) this.#notify((offset - area.notify) / notifyMultiplier);
      else if (offset >= area.device && (this.#state.status & status.featuresOk) !== 0)
        this.device.configWritten?.(offset - area.device, width, value >>> 0);
    },
  };

  get #barSize(): number {
    return this.#place.offset === 0 ? area.size : 2 * area.size;
  }

  /** With what lies below virtio's registers. */
  readonly #wholeBar: IoRegion = {
    read: (offset, width) => {
      const at = offset - this.#place.offset;
      return at >= 0 ? this.#bar.read(at, width) : (this.#place.below?.read(offset, width) ?? 0);
    },
    write: (offset, width, value) => {
      const at = offset - this.#place.offset;
      if (at >= 0) this.#bar.write(at, width, value);
      else this.#place.below?.write(offset, width, value);
    },
  };

  /** The window of §4.1.4.9: accesses to its data go where its other fields point. */
  readonly #windowRegion: IoRegion = {
    read: (_offset, _width) => {
      const target = this.#windowTarget();
      return target === undefined ? 0 : this.#wholeBar.read(target.offset, target.width);
    },
    write: (_offset, _width, value) => {
      const target = this.#windowTarget();
      if (target !== undefined) this.#wholeBar.write(target.offset, target.width, value);
    },
  };

  #windowTarget(): { readonly offset: number; readonly width: Width } | undefined {
    const bar = this.config.get(this.#pciAccess + 4, 1);
    const offset = this.config.get(this.#pciAccess + 8, 4);
    const width = this.config.get(this.#pciAccess + 12, 4);
    const valid = bar === this.#place.bar && (width === 1 || width === 2 || width === 4);
    return valid && offset % width === 0 && offset + width <= this.#barSize
      ? { offset, width }
      : undefined;
  }

  /** §4.1.4.5: reading acknowledges. */
  #readIsr(): number {
    const { isr } = this.#state;
    this.#state.isr = 0;
    this.config.setInterrupt(false);
    return isr;
  }

  #readDeviceConfig(offset: number, width: Width): number {
    let value = 0;
    for (let i = width - 1; i >= 0; i--)
      value = value * 256 + (this.device.config[offset + i] ?? 0);
    return value;
  }

  /** Fields are read with their own width (§4.1.3.1); a part of one reads as that part. */
  #readCommon(offset: number, width: Width): number {
    if (offset >= common.end) return 0;
    const [start, value] = this.#commonField(offset);
    const shifted = Math.floor(value / 2 ** (8 * (offset - start)));
    return width === 4 ? shifted : shifted % 2 ** (8 * width);
  }

  #commonField(offset: number): readonly [start: number, value: number] {
    const state = this.#state;
    const queue = this.#queues[state.queueSelect];
    const select = (low: number, value: bigint, index: number): readonly [number, number] => [
      low,
      index < 2 ? Number((value >> BigInt(32 * index)) & 0xffffffffn) : 0,
    ];
    if (offset < 4) return [0, state.deviceFeatureSelect];
    if (offset < 8) return select(4, this.#features, state.deviceFeatureSelect);
    if (offset < 12) return [8, state.driverFeatureSelect];
    if (offset < 16) return select(12, state.driverFeatures, state.driverFeatureSelect);
    switch (offset & ~1) {
      case common.configVector:
        return [16, state.configVector];
      case common.queueCount:
        return [18, this.#queues.length];
      case common.deviceStatus:
        return [20, state.status + state.configGeneration * 256];
      case common.queueSelect:
        return [22, state.queueSelect];
      case common.queueSize:
        return [24, queue?.size ?? 0];
      case common.queueVector:
        return [26, state.queueVectors[state.queueSelect] ?? NO_VECTOR];
      case common.queueEnable:
        return [28, queue?.enabled === true ? 1 : 0];
      case common.queueNotifyOffset:
        return [30, state.queueSelect];
    }
    const addresses = [queue?.descriptors ?? 0, queue?.available ?? 0, queue?.used ?? 0];
    const address = addresses[(offset - 32) >> 3] ?? 0;
    const high = ((offset - 32) & 4) !== 0;
    return [offset & ~3, high ? Math.floor(address / 0x1_0000_0000) : address % 0x1_0000_0000];
  }

  #writeCommon(offset: number, width: Width, value: number): void {
    const state = this.#state;
    const queue = this.#queues[state.queueSelect];
    switch (offset) {
      case common.deviceFeatureSelect:
        state.deviceFeatureSelect = value;
        return;
      case common.driverFeatureSelect:
        state.driverFeatureSelect = value;
        return;
      case common.driverFeature:
        this.#setDriverFeatures(value);
        return;
      case common.configVector:
        state.configVector = this.#validVector(value);
        return;
      case common.deviceStatus:
        this.#setStatus(value & 0xff);
        return;
      case common.queueSelect:
        state.queueSelect = value & 0xffff;
        return;
      case common.queueSize:
        queue?.setSize(value);
        return;
      case common.queueVector:
        if (queue !== undefined) state.queueVectors[state.queueSelect] = this.#validVector(value);
        return;
      case common.queueEnable:
        // §4.1.4.3.2: the driver writes only 1.
        if (value === 1 && queue !== undefined) {
          queue.indirect = this.negotiated(ringFeature.indirect);
          queue.eventIndex = this.negotiated(ringFeature.eventIndex);
          queue.enable();
        }
        return;
    }
    if (width !== 4 || queue === undefined) return;
    const halves = (old: number, high: boolean): number =>
      high
        ? (old % 0x1_0000_0000) + value * 0x1_0000_0000
        : Math.floor(old / 0x1_0000_0000) * 0x1_0000_0000 + value;
    const high = (offset & 4) !== 0;
    switch (offset & ~7) {
      case common.descriptorsLow:
        queue.setArea('descriptors', halves(queue.descriptors, high));
        return;
      case common.availableLow:
        queue.setArea('available', halves(queue.available, high));
        return;
      case common.usedLow:
        queue.setArea('used', halves(queue.used, high));
        return;
    }
  }

  #validVector(value: number): number {
    return value < this.#msiX.vectors ? value : NO_VECTOR;
  }

  #setDriverFeatures(value: number): void {
    const state = this.#state;
    // §2.2: features are final once FEATURES_OK is set.
    if ((state.status & status.featuresOk) !== 0 || state.driverFeatureSelect > 1) return;
    const shift = BigInt(32 * state.driverFeatureSelect);
    const kept = state.driverFeatures & ~(0xffffffffn << shift);
    state.driverFeatures = kept | (BigInt(value) << shift);
  }

  /** §2.1, §3.1.1 */
  #setStatus(value: number): void {
    const state = this.#state;
    if (value === 0) {
      this.#resetVirtio();
      return;
    }
    const old = state.status;
    let next = value | (old & status.needsReset);
    if ((value & ~old & status.featuresOk) !== 0 && !this.#acceptable(state.driverFeatures))
      next &= ~status.featuresOk;
    state.status = next;
    const ready = status.featuresOk | status.driverOk;
    if ((next & ~old & status.driverOk) === 0 || (next & ready) !== ready) return;
    this.device.activate?.();
    this.#queues.forEach((queue, index) => {
      if (queue.enabled && this.driverReady) this.device.notified(index);
    });
  }

  #acceptable(features: bigint): boolean {
    const unknown = features & ~this.#features;
    return unknown === 0n && (features & (1n << ringFeature.version1)) !== 0n;
  }

  #notify(queue: number): void {
    if (this.driverReady && this.#queues[queue]?.enabled === true) this.device.notified(queue);
  }

  // Device

  /** §2.4, §4.1.4.3: what status = 0 resets; the PCI side stays. */
  #resetVirtio(): void {
    this.#state = this.#initial();
    for (const queue of this.#queues) queue.reset();
    this.config.setInterrupt(false);
    this.device.reset();
  }

  reset(): void {
    this.config.reset();
    this.#msiX.reset();
    this.#resetVirtio();
  }

  start(): void {
    this.device.resume?.();
  }

  async pause(soon?: boolean): Promise<void> {
    await this.device.pause?.(soon);
  }

  resume(): void {
    this.device.resume?.();
  }

  dispose(): void {
    this.device.dispose?.();
    this.config.dispose();
  }

  save(): { readonly version: number; readonly data: SavedState } {
    const data = {
      ...this.#state,
      queueVectors: [...this.#state.queueVectors],
      pci: this.config.save(),
      msiX: this.#msiX.save(),
      queues: this.#queues.map((queue) => queue.save()),
      device: this.device.save(),
    };
    return { version: 1, data };
  }

  load(saved: VersionedState): void {
    // The device checks its own, which may be of a version that it converts.
    const own = this.save();
    const anyDevice = { version: own.data.device.version } as VersionedState;
    const data = checkedState(this.id, saved, { ...own, data: { ...own.data, device: anyDevice } });
    const { pci, msiX, queues, device, ...transport } = data;
    const count = this.#queues.length;
    if (queues.length !== count || transport.queueVectors.length !== count)
      throw new StateError(`${this.id}: saved state has ${queues.length} queues, not ${count}`);
    this.#state = { ...transport, queueVectors: [...transport.queueVectors] };
    this.config.load(pci);
    this.#msiX.load(msiX);
    this.#queues.forEach((queue, i) => {
      queue.load(queues[i] as VersionedState);
      queue.indirect = queue.enabled && this.negotiated(ringFeature.indirect);
      queue.eventIndex = queue.enabled && this.negotiated(ringFeature.eventIndex);
    });
    this.device.load(device);
  }
}

const littleEndian = (value: number): number[] => [0, 8, 16, 24].map((s) => (value >>> s) & 0xff);
