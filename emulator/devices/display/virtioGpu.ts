/**
 * Virtio GPU device, 2D, one scanout with EDID (virtio 1.2 §5.7). Left out: 3D (VIRGL), blob resources, UUIDs.
 * What is flushed is drawn when somebody looks. Its commands are done at once, so fences are too.
 */
import { checkedState } from '../../bus/deviceState.ts';
import { StateError, type DmaMemory, type VersionedState } from '../../bus/types.ts';
import type { VirtioDevice, VirtioTransport } from '../virtio/virtioDevice.ts';
import type { DescriptorChain, Virtqueue } from '../virtio/virtqueue.ts';
import type { Display, PointerImage } from './display.ts';
import { edidBlock } from './edid.ts';
import { GpuResource, isFormat, resourceBytes, type BackingPiece } from './gpuResource.ts';
import { Picture, type Rectangle } from './picture.ts';

const EDID_FEATURE = 1n;
/** §5.7.4 */
const config = { eventsRead: 0, eventsClear: 4, scanouts: 8, size: 16 } as const;
const EVENT_DISPLAY = 1;
const cursorQueue = 1;

/** §5.7.6.7, enum virtio_gpu_ctrl_type. */
const command = {
  displayInfo: 0x100,
  create2d: 0x101,
  unref: 0x102,
  setScanout: 0x103,
  flush: 0x104,
  transfer: 0x105,
  attach: 0x106,
  detach: 0x107,
  edid: 0x10a,
  updateCursor: 0x300,
  moveCursor: 0x301,
} as const;
const answer = {
  ok: 0x1100,
  displayInfo: 0x1101,
  edid: 0x1104,
  unspecified: 0x1200,
  outOfMemory: 0x1201,
  invalidScanout: 0x1202,
  invalidResource: 0x1203,
  invalidParameter: 0x1205,
} as const;
const FLAG_FENCE = 1;
const headerSize = 24;
const mostScanouts = 16;
const edidSize = 1024;
/** Bytes of all resources together; a guest's screens and pointers need a tenth. */
const mostBytes = 256 * 2 ** 20;
const longestSide = 8192;
/** Pages of the largest resource that is let in. */
const mostPieces = mostBytes / 4096;
/** A command is no longer than its backing pages. */
const longestCommand = headerSize + 8 + 16 * mostPieces;
const pointerSide = 64;

export interface VirtioGpuParts {
  readonly memory: DmaMemory;
  /** Of the monitor, in pixels. */
  readonly preferredSize: { readonly width: number; readonly height: number };
}

interface Scanout extends Rectangle {
  /** 0: off. */
  readonly resource: number;
}

export class VirtioGpu implements VirtioDevice, Display {
  readonly type = 16;
  readonly classCode = 0x030000;
  readonly features = 1n << EDID_FEATURE;
  readonly queueSizes = [256, 16];
  readonly config = new Uint8Array(config.size);
  readonly #memory: DmaMemory;
  readonly #initialSize: VirtioGpuParts['preferredSize'];
  #size: VirtioGpuParts['preferredSize'];
  #transport: VirtioTransport | undefined;
  readonly #resources = new Map<number, GpuResource>();
  #bytes = 0;
  #scanout: Scanout = { x: 0, y: 0, width: 0, height: 0, resource: 0 };
  #cursor = { x: 0, y: 0, hotX: 0, hotY: 0 };
  #image: Uint8Array | undefined;
  readonly #picture = new Picture();
  /** Flushed and not yet drawn, in the scanout's coordinates. */
  readonly #flushed = new Picture();

  constructor({ memory, preferredSize }: VirtioGpuParts) {
    this.#memory = memory;
    this.#initialSize = preferredSize;
    this.#size = preferredSize;
    this.#setConfig(config.scanouts, 1);
  }

  #setConfig(offset: number, value: number): void {
    new DataView(this.config.buffer).setUint32(offset, value, true);
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  configWritten(offset: number, width: number, value: number): void {
    if (offset !== config.eventsClear || width !== 4) return;
    const events = this.config[config.eventsRead] ?? 0;
    this.#setConfig(config.eventsRead, events & ~value);
  }

  // Display

  /** A driver shows a resource of its own. */
  get active(): boolean {
    return this.#scanout.resource !== 0;
  }

  refresh(): Picture {
    const picture = this.#picture;
    const resource = this.#resources.get(this.#scanout.resource);
    if (resource === undefined) return picture;
    const { x, y, width, height } = this.#scanout;
    if (picture.resize(width, height)) this.#flushed.damageAll();
    for (const part of this.#flushed.takeDamage()) {
      const row = new Uint32Array(part.width);
      for (let line = part.y; line < part.y + part.height; line++) {
        resource.row(y + line, x + part.x, row);
        picture.putRow(line, row, part.x);
      }
    }
    return picture;
  }

  text(): undefined {
    return undefined;
  }

  get pointer(): PointerImage | undefined {
    if (this.#image === undefined) return undefined;
    const side = { width: pointerSide, height: pointerSide };
    return { ...side, ...this.#cursor, pixels: this.#image };
  }

  /** The driver hears of a new size, asks for it and sets a mode, if it likes. */
  setPreferredSize(width: number, height: number): void {
    const side = (value: number): number => Math.max(64, Math.min(longestSide, Math.floor(value)));
    const size = { width: side(width), height: side(height) };
    if (size.width === this.#size.width && size.height === this.#size.height) return;
    this.#size = size;
    this.#setConfig(config.eventsRead, EVENT_DISPLAY);
    this.#transport?.configChanged();
  }

  // Commands

  notified(index: number): void {
    const queue = this.#transport?.queue(index);
    if (queue === undefined) return;
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      const reply = this.#execute(queue, chain, index === cursorQueue);
      queue.push(chain.head, queue.writeChain(chain, reply));
    }
    queue.signal();
  }

  #execute(queue: Virtqueue, chain: DescriptorChain, cursor: boolean): Uint8Array {
    if (chain.readableLength < headerSize || chain.readableLength > longestCommand)
      return header(answer.unspecified);
    const bytes = queue.readChain(chain);
    const request = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const type = request.getUint32(0, true);
    const reply =
      type >= command.updateCursor === cursor ? this.#reply(type, request) : answer.unspecified;
    const result = typeof reply === 'number' ? header(reply) : reply;
    // §5.7.6.7: a fenced request's flag, fence and context are those of the answer.
    if ((request.getUint32(4, true) & FLAG_FENCE) !== 0) {
      result[4] = FLAG_FENCE;
      result.set(bytes.subarray(8, 20), 8);
    }
    return result;
  }

  #reply(type: number, request: DataView): number | Uint8Array {
    const needed = requestSizes[type];
    if (needed === undefined) return answer.unspecified;
    if (request.byteLength < needed) return answer.invalidParameter;
    const field = (offset: number): number => request.getUint32(headerSize + offset, true);
    switch (type) {
      case command.displayInfo:
        return this.#displayInfo();
      case command.edid:
        return field(0) === 0 ? this.#edid() : answer.invalidScanout;
      case command.create2d:
        return this.#create(field(0), field(4), field(8), field(12));
      case command.unref:
        return this.#unref(field(0));
      case command.setScanout:
        return this.#setScanout(rectangle(field), field(16), field(20));
      case command.flush:
        return this.#flush(rectangle(field), field(16));
      case command.transfer: {
        const offset = field(16) + field(20) * 0x1_0000_0000;
        return this.#transfer(rectangle(field), offset, field(24));
      }
      case command.attach:
        return this.#attachBacking(request, field(0), field(4));
      case command.detach:
        return this.#withResource(field(0), (resource) => {
          resource.attach([]);
          return answer.ok;
        });
      case command.updateCursor:
        this.#moveCursor(field(0), field(4), field(8));
        return this.#updateCursor(field(16), field(20), field(24));
      default:
        this.#moveCursor(field(0), field(4), field(8));
        return answer.ok;
    }
  }

  #withResource(id: number, action: (resource: GpuResource) => number): number {
    const resource = this.#resources.get(id);
    return resource === undefined ? answer.invalidResource : action(resource);
  }

  #displayInfo(): Uint8Array {
    const bytes = header(answer.displayInfo, mostScanouts * 24);
    const view = new DataView(bytes.buffer, headerSize);
    view.setUint32(8, this.#size.width, true);
    view.setUint32(12, this.#size.height, true);
    view.setUint32(16, 1, true);
    return bytes;
  }

  #edid(): Uint8Array {
    const bytes = header(answer.edid, 8 + edidSize);
    const edid = edidBlock({ name: 'Guesthouse', ...this.#size });
    new DataView(bytes.buffer).setUint32(headerSize, edid.length, true);
    bytes.set(edid, headerSize + 8);
    return bytes;
  }

  #create(id: number, format: number, width: number, height: number): number {
    if (id === 0 || this.#resources.has(id)) return answer.invalidResource;
    if (!isFormat(format) || width === 0 || height === 0) return answer.invalidParameter;
    if (width > longestSide || height > longestSide) return answer.invalidParameter;
    if (this.#bytes + resourceBytes(width, height) > mostBytes) return answer.outOfMemory;
    const resource = new GpuResource(id, format, width, height);
    this.#resources.set(id, resource);
    this.#bytes += resource.bytes;
    return answer.ok;
  }

  #unref(id: number): number {
    return this.#withResource(id, (resource) => {
      this.#resources.delete(id);
      this.#bytes -= resource.bytes;
      if (this.#scanout.resource === id) this.#show({ ...this.#scanout, resource: 0 });
      return answer.ok;
    });
  }

  #setScanout(part: Rectangle, scanout: number, id: number): number {
    if (scanout !== 0) return answer.invalidScanout;
    if (id === 0) {
      this.#show({ ...part, resource: 0 });
      return answer.ok;
    }
    return this.#withResource(id, (resource) => {
      if (part.width === 0 || part.height === 0 || !resource.contains(part))
        return answer.invalidParameter;
      this.#show({ ...part, resource: id });
      return answer.ok;
    });
  }

  #show(scanout: Scanout): void {
    this.#scanout = scanout;
    this.#flushed.width = scanout.width;
    this.#flushed.height = scanout.height;
    this.#flushed.damageAll();
  }

  #flush(part: Rectangle, id: number): number {
    return this.#withResource(id, (resource) => {
      if (!resource.contains(part)) return answer.invalidParameter;
      if (id !== this.#scanout.resource) return answer.ok;
      const { x, y, width, height } = this.#scanout;
      const left = Math.max(part.x, x);
      const top = Math.max(part.y, y);
      const right = Math.min(part.x + part.width, x + width);
      const bottom = Math.min(part.y + part.height, y + height);
      if (left < right && top < bottom)
        this.#flushed.damage(left - x, top - y, right - left, bottom - top);
      return answer.ok;
    });
  }

  #transfer(part: Rectangle, offset: number, id: number): number {
    return this.#withResource(id, (resource) => {
      if (!resource.contains(part)) return answer.invalidParameter;
      if (!resource.hasBacking) return answer.unspecified;
      resource.transfer(this.#memory, part, offset);
      return answer.ok;
    });
  }

  #attachBacking(request: DataView, id: number, count: number): number {
    return this.#withResource(id, (resource) => {
      if (resource.hasBacking) return answer.unspecified;
      if (count > mostPieces || request.byteLength < headerSize + 8 + count * 16)
        return answer.invalidParameter;
      const pieces: BackingPiece[] = [];
      for (let i = 0; i < count; i++) {
        const at = headerSize + 8 + i * 16;
        const low = request.getUint32(at, true);
        const length = request.getUint32(at + 8, true);
        const address = low + request.getUint32(at + 4, true) * 0x1_0000_0000;
        // No PC decodes more address bits; and an empty piece holds nothing.
        if (address + length > 2 ** 52) return answer.invalidParameter;
        if (length > 0) pieces.push({ address, length });
      }
      resource.attach(pieces);
      return answer.ok;
    });
  }

  #moveCursor(scanout: number, x: number, y: number): void {
    if (scanout === 0) this.#cursor = { ...this.#cursor, x: x | 0, y: y | 0 };
  }

  #updateCursor(id: number, hotX: number, hotY: number): number {
    if (id === 0) {
      this.#image = undefined;
      return answer.ok;
    }
    return this.#withResource(id, (resource) => {
      // §5.7.6.10: 64×64.
      if (resource.width !== pointerSide || resource.height !== pointerSide)
        return answer.invalidParameter;
      if (hotX >= pointerSide || hotY >= pointerSide) return answer.invalidParameter;
      this.#cursor = { ...this.#cursor, hotX, hotY };
      this.#image = resource.rgba();
      return answer.ok;
    });
  }

  reset(): void {
    this.#resources.clear();
    this.#bytes = 0;
    this.#show({ x: 0, y: 0, width: 0, height: 0, resource: 0 });
    this.#cursor = { x: 0, y: 0, hotX: 0, hotY: 0 };
    this.#image = undefined;
    this.#setConfig(config.eventsRead, 0);
  }

  /** Power-on: the monitor is as large as it was meant to be. */
  powerOn(): void {
    this.#size = this.#initialSize;
  }

  save() {
    return {
      version: 1,
      data: {
        size: { ...this.#size },
        events: this.config[config.eventsRead] ?? 0,
        resources: [...this.#resources.values()].map((resource) => resource.save()),
        scanout: { ...this.#scanout },
        cursor: { ...this.#cursor },
        image: [...(this.#image ?? [])],
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState('virtio-gpu', state, this.save());
    this.#resources.clear();
    this.#bytes = 0;
    for (const saved of data.resources) {
      const { format, width, height } = saved;
      if (
        !isFormat(format) ||
        !(width > 0 && height > 0 && width <= longestSide && height <= longestSide)
      )
        throw new StateError('virtio-gpu: saved state is damaged at data.resources');
      const resource = GpuResource.load(saved);
      this.#resources.set(resource.id, resource);
      this.#bytes += resource.bytes;
    }
    this.#size = { ...data.size };
    this.#setConfig(config.eventsRead, data.events);
    this.#cursor = { ...data.cursor };
    this.#image = data.image.length === 0 ? undefined : Uint8Array.from(data.image);
    const shown = this.#resources.get(data.scanout.resource);
    const valid = shown?.contains(data.scanout) === true;
    this.#show(valid ? { ...data.scanout } : { ...data.scanout, resource: 0 });
  }
}

/** Shortest request of each type, header included. */
const requestSizes: Readonly<Record<number, number>> = {
  [command.displayInfo]: headerSize,
  [command.edid]: headerSize + 8,
  [command.create2d]: headerSize + 16,
  [command.unref]: headerSize + 8,
  [command.setScanout]: headerSize + 24,
  [command.flush]: headerSize + 24,
  [command.transfer]: headerSize + 32,
  [command.attach]: headerSize + 8,
  [command.detach]: headerSize + 8,
  [command.updateCursor]: headerSize + 32,
  [command.moveCursor]: headerSize + 32,
};

function header(type: number, more = 0): Uint8Array {
  const bytes = new Uint8Array(headerSize + more);
  new DataView(bytes.buffer).setUint32(0, type, true);
  return bytes;
}

const rectangle = (field: (offset: number) => number): Rectangle => ({
  x: field(0),
  y: field(4),
  width: field(8),
  height: field(12),
});
