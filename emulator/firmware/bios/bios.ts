/**
 * The BIOS: a ROM of small stubs (systemRom.ts, videoRom.ts) that trap by port I/O, and the services
 * behind them, here. It is a device on the port bus; nothing of it depends on the engine (docs/firmware.md).
 */
import { checkedState } from '../../bus/deviceState.ts';
import type { Device, DeviceId, IoRegion, VersionedState } from '../../bus/types.ts';
import { guestPhysical } from '../../bus/types.ts';
import { BiosData } from './biosData.ts';
import type { BiosContext, Service, ServiceResult } from './biosContext.ts';
import type { BiosParts } from './biosMachine.ts';
import { Boot } from './boot.ts';
import { CallFrame } from './callFrame.ts';
import { Disks } from './disks.ts';
import { diskService } from './int13.ts';
import { keyboardService, Keyboard } from './keyboard.ts';
import { Pointer } from './pointer.ts';
import { PhysicalMemory } from './physicalMemory.ts';
import { equipmentService, memorySizeService, printerService, serialService } from './ports.ts';
import { powerOnSelfTest } from './post.ts';
import { Pxe } from './pxe/pxe.ts';
import { systemService } from './system.ts';
import { buildSystemRom, systemRomBase, type SystemRom } from './systemRom.ts';
import { tick, timeService } from './time.ts';
import { trapPorts, trapVectors } from './trapPorts.ts';
import { Video } from './video.ts';
import { buildVideoRom, videoRomBase } from './videoRom.ts';

const DONE = 0;
const BUSY = 1;

export class Bios implements Device {
  readonly id: DeviceId = 'bios';
  readonly #context: BiosContext;
  readonly #rom: SystemRom;
  readonly #videoRom: Uint8Array;
  readonly #services: ReadonlyMap<number, Service>;
  readonly #keyboard: Keyboard;
  readonly #pointer: Pointer;
  readonly #disks: Disks;
  readonly #boot: Boot;
  readonly #pxe: Pxe;
  /** Calls whose host I/O is not done, by the address of their frames. */
  readonly #inFlight = new Map<number, Promise<void>>();
  /** Result of the last start or poll, and words for the handler of the last event. */
  #status = DONE;
  #answers: number[] = [];

  constructor(parts: BiosParts) {
    const memory = new PhysicalMemory(parts.memory, parts.mmio);
    const timer = parts.clock.timer(() => parts.wake());
    const context: BiosContext = {
      parts,
      memory,
      data: new BiosData(memory),
      wakeAt: (ns) => timer.arm(ns),
    };
    this.#context = context;
    this.#rom = buildSystemRom(parts.trapPort, parts.powerOff);
    this.#videoRom = buildVideoRom(parts.trapPort);
    const video = new Video(context);
    this.#keyboard = new Keyboard(context);
    this.#pointer = new Pointer(context);
    this.#disks = new Disks(parts.drives);
    this.#pxe = new Pxe(context, this.#rom);
    const rom = this.#rom;
    this.#boot = new Boot(context, {
      ...{ video, keyboard: this.#keyboard, disks: this.#disks, pxe: this.#pxe },
    });
    const disk = diskService(context, this.#disks);
    this.#services = new Map<number, Service>([
      [0x05, () => 'done'],
      [0x10, (frame) => video.service(frame)],
      [0x11, equipmentService(context)],
      [0x12, memorySizeService(context)],
      [0x13, disk],
      [0x40, disk],
      [0x14, serialService(context)],
      [0x15, systemService(context, rom, this.#pointer)],
      [0x16, keyboardService(this.#keyboard)],
      [0x17, printerService()],
      [0x18, (frame) => this.#boot.failed(frame)],
      [0x19, (frame) => this.#boot.start(frame)],
      [0x1a, timeService(context, this.#pxe)],
      [
        trapVectors.post,
        () => {
          this.#disks.reset();
          this.#boot.reset();
          this.#pxe.reset();
          return powerOnSelfTest(context, rom, this.#disks);
        },
      ],
      [trapVectors.pxe, (frame) => this.#pxe.service(frame)],
      [trapVectors.pxenv, (frame) => this.#pxe.service(frame)],
      [trapVectors.videoRom, (frame) => video.initialize(frame)],
    ]);
  }

  /** Puts the ROMs where the CPU finds them after reset: the RAM behind the C and F segments. */
  install(): void {
    const { memory } = this.#context.parts;
    memory.write(guestPhysical(systemRomBase), this.#rom.image);
    memory.write(guestPhysical(videoRomBase), this.#videoRom);
  }

  readonly region: IoRegion = {
    read: (offset, width) => {
      if (offset < trapPorts.event) return this.#status;
      const low = this.#answers.shift() ?? 0;
      return width === 4 ? low + (this.#answers.shift() ?? 0) * 0x10000 : low;
    },
    write: (offset, width, value) => {
      if (offset === trapPorts.start && width === 4) this.#status = this.#start(value);
      else if (offset === trapPorts.poll && width === 4) this.#status = this.#poll(value);
      else if (offset === trapPorts.event) this.#answers = this.#event(value & 0xff, value >>> 8);
    },
  };

  #start(stack: number): number {
    const frame = new CallFrame(this.#context.parts.memory, stack);
    this.#inFlight.delete(frame.address);
    return this.#begin(frame);
  }

  #begin(frame: CallFrame): number {
    const result = this.#services.get(frame.vector)?.(frame) ?? 'done';
    return this.#settle(frame, result);
  }

  #settle(frame: CallFrame, result: ServiceResult): number {
    if (result === 'done') return DONE;
    if (result === 'wait') return BUSY;
    const work = result
      .then(
        (end) => {
          if (end === 'done') this.#finished.add(frame.address);
        },
        (error: unknown) => this.#context.parts.onHostFailure(asError(error)),
      )
      .then(() => {
        if (this.#inFlight.get(frame.address) === work) this.#inFlight.delete(frame.address);
        this.#context.parts.wake();
      });
    this.#finished.delete(frame.address);
    this.#inFlight.set(frame.address, work);
    return BUSY;
  }

  /** Calls whose host I/O is done, but who have not heard of it. */
  readonly #finished = new Set<number>();

  #poll(stack: number): number {
    const frame = new CallFrame(this.#context.parts.memory, stack);
    if (this.#finished.delete(frame.address)) return DONE;
    const status = this.#inFlight.has(frame.address) ? BUSY : this.#begin(frame);
    if (status === BUSY) this.#context.parts.rest();
    return status;
  }

  #event(vector: number, value: number): number[] {
    switch (vector) {
      case 0x08:
        tick(this.#context);
        return [];
      case 0x09:
        return [this.#keyboard.scancode(value) ? 1 : 0];
      case 0x0e:
        this.#context.data.set8(0x3e, this.#context.data.get8(0x3e) | 0x80);
        return [];
      case 0x70:
        return [this.#clockInterrupt()];
      case 0x74:
        return this.#pointer.interrupt();
      default:
        return [];
    }
  }

  /** Register C tells why; an alarm (bit 5) is the program's business. */
  #clockInterrupt(): number {
    this.#context.parts.ports.write(0x70, 1, 0x0c);
    return this.#context.parts.ports.read(0x71, 1) & 0x20;
  }

  reset(): void {
    this.#inFlight.clear();
    this.#finished.clear();
    this.#status = DONE;
    this.#answers = [];
    this.#disks.reset();
    this.#boot.reset();
    this.#pxe.reset();
    this.#pointer.reset();
  }

  async pause(): Promise<void> {
    await Promise.allSettled(this.#inFlight.values());
  }

  save() {
    return {
      version: 2,
      data: {
        status: this.#status,
        answers: [...this.#answers],
        finished: [...this.#finished],
        disks: this.#disks.save(),
        boot: this.#boot.save(),
        pxe: this.#pxe.save(),
        pointer: this.#pointer.save(),
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#inFlight.clear();
    this.#finished.clear();
    for (const address of data.finished) this.#finished.add(address);
    this.#status = data.status;
    this.#answers = [...data.answers];
    this.#disks.load(data.disks);
    this.#boot.load(data.boot);
    this.#pxe.load(data.pxe);
    this.#pointer.load(data.pointer);
  }
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));
