import type { VersionedState } from '../../bus/types.ts';
import type { Virtqueue } from './virtqueue.ts';

/** Feature bits of every device (virtio 1.2 §6). */
export const ringFeature = { indirect: 28n, eventIndex: 29n, version1: 32n } as const;

/** What a device type is, without its transport (virtio 1.2 §2, §5). */
export interface VirtioDevice {
  /** §5: 2 block, 3 console, 4 entropy, 5 balloon, 18 input. */
  readonly type: number;
  /** PCI class code of the function, as 0xccsspp. */
  readonly classCode: number;
  /** Offered features of the device type; the transport adds those of §6. */
  readonly features: bigint;
  /** Most descriptors of each queue, powers of two. */
  readonly queueSizes: readonly number[];
  /** Configuration space (§2.5) as the driver reads it, little-endian. */
  readonly config: Uint8Array;
  /** The driver wrote to the configuration space; the device changes `config` if it likes. */
  configWritten?(offset: number, width: number, value: number): void;
  /** Called once, by the transport. */
  attach(transport: VirtioTransport): void;
  /** The driver is ready (DRIVER_OK): queues and features are final. `notified` follows for each queue. */
  activate?(): void;
  /** The driver has added buffers to a queue. Only while the driver is ready. */
  notified(queue: number): void;
  /** Back to power-on. What host I/O still brings must not reach guest memory any more. */
  reset(): void;
  /** Resolves when no host I/O is in flight. `soon`: what takes long may be left for resume() to do again. */
  pause?(soon?: boolean): Promise<void>;
  resume?(): void;
  dispose?(): void;
  save(): VersionedState;
  load(state: VersionedState): void;
}

/** What a transport is to its device. */
export interface VirtioTransport {
  /** Throws RangeError if the device has no such queue. */
  queue(index: number): Virtqueue;
  negotiated(feature: bigint): boolean;
  /** The driver has set DRIVER_OK and the device is not broken. */
  readonly driverReady: boolean;
  /** `config` has changed: tells the driver (§2.5.2). */
  configChanged(): void;
  /** The driver broke the rules: DEVICE_NEEDS_RESET (§2.1.2). */
  fail(reason: string): void;
}
