import type { InputEvent, PointerMode } from '../../shared/input/inputEvent.ts';
import type { BlockBackend } from '../backends/block.ts';
import { CountedClock, HostClock } from '../bus/clock.ts';
import { HostEntropy, SeededEntropy } from '../bus/entropy.ts';
import type { RamWatch } from '../bus/ramWatch.ts';
import type { InterruptMessage } from '../bus/interruptMessage.ts';
import { guestPhysical, type Device } from '../bus/types.ts';
import type { FwCfgFile } from '../devices/legacy/fwCfg.ts';
import type { Display } from '../devices/display/display.ts';
import { buildAcpiTables, placeAcpiTables } from '../firmware/acpi/acpiTables.ts';
import { acpiFileNames, acpiFirmwareFiles } from '../firmware/acpi/tableLoader.ts';
import { resetVector } from '../firmware/bios/systemRom.ts';
import { loadKernel } from '../firmware/kernelImage.ts';
import type { EngineName } from '../../shared/vm/engines.ts';
import type { VcpuExit, VcpuHost } from '../vcpu/vcpu.ts';
import { acpiPlatform } from './acpiPlatform.ts';
import { withBootAdapters } from './adapters.ts';
import { bootOrderFile, romSize } from './externalFirmware.ts';
import { e820File, fwCfgItems, lowTables, smbiosFiles } from './firmwareData.ts';
import { floppyTypes } from './drives.ts';
import type { Machine, MachineEnd, MachineParts, MachineSpec, MachineState } from './machine.ts';
import { PcBoard } from './pcBoard.ts';
import {
  acpiTablesStart,
  firmwarePciStart,
  lowTablesStart,
  memoryMap,
  pciSlots,
  ramRanges,
  videoWindow,
} from './pcLayout.ts';
import type { PcEngine, PcParts } from './pcParts.ts';
import { sataDisk } from './pcStorage.ts';
import { virtioFunctions } from './pcVirtio.ts';
import { SliceLoop } from './sliceLoop.ts';
import { loadMachine, saveMachine, saveParts, vcpusOf } from './snapshot.ts';
import { ThreadLoop } from './threadLoop.ts';

/** Builds a PC; throws KernelImageError for a kernel it cannot load. */
export function createPc(spec: MachineSpec, parts: PcParts): Machine {
  return new Pc(spec, parts);
}

class Pc implements Machine {
  readonly ended: Promise<MachineEnd>;
  readonly #spec: MachineSpec;
  readonly #clock: HostClock | CountedClock;
  readonly #engine: PcEngine;
  readonly #board: PcBoard;
  /** For the engine's present vCPU, which runs in slices or on threads. */
  #loop: SliceLoop | ThreadLoop;
  readonly #newLoop: () => SliceLoop | ThreadLoop;
  readonly #settling: readonly Device[];
  readonly #resolveEnded: (end: MachineEnd) => void;
  readonly #acpi: ReturnType<typeof buildAcpiTables>;
  readonly #entropy: HostEntropy | SeededEntropy;
  /** What the user wants; the loop follows at the next slice. */
  #wanted: 'running' | 'paused' = 'paused';
  #started = false;
  #resetWanted = false;
  /** Pauses that have been asked for and not been done: no loop runs while there is one. */
  #pausesWanted = 0;
  #end: MachineEnd | undefined;
  #disposed = false;
  /** The loop's run while there is one. */
  #running: Promise<void> | undefined;
  /** Resets and pauses happen one after the other. */
  #serial: Promise<void> = Promise.resolve();

  constructor(spec: MachineSpec, parts: PcParts) {
    if (spec.cpus !== 1 && spec.engine !== 'kvm')
      throw new RangeError(`several CPUs need hardware assistance; the ${spec.engine} runs one`);
    this.#spec = spec;
    const { promise, resolve } = Promise.withResolvers<MachineEnd>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    const counted = spec.time === 'host' ? undefined : spec.time.counted;
    let retired = (): number => 0;
    this.#clock =
      counted === undefined ? new HostClock() : new CountedClock(() => retired(), counted.wallMs);
    this.#entropy = counted === undefined ? new HostEntropy() : new SeededEntropy(0x6775);

    const tables = buildAcpiTables(
      acpiPlatform(spec.cpus, Math.max(1, spec.serial.length), floppyTypes(spec.drives)),
    );
    this.#acpi = tables;
    const boot = 'order' in spec.boot ? spec.boot : undefined;
    const external = boot?.external;
    const engine = parts.createEngine({
      memory: spec.memory,
      slots: ramRanges(spec.memory, external !== undefined),
      videoMemory: spec.display?.memory ?? 0,
      romMemory: external === undefined ? 0 : romSize(external),
      lateWrites: videoWindow,
      cpus: spec.cpus,
      cpuModel: spec.cpuModel,
      engine: spec.engine,
      host: this.#vcpuHost(),
      entropy: this.#entropy,
    });
    this.#engine = engine;
    retired = () => engine.instructionsRetired();
    const onHostFailure = (error: Error): void => {
      void this.pause();
      parts.onHostFailure(error.message);
    };
    // Only our own BIOS boots by them.
    const network =
      boot === undefined || external !== undefined
        ? { adapters: spec.adapters ?? [], boot: [] }
        : withBootAdapters(spec.adapters ?? []);
    this.#board = new PcBoard(
      {
        spec,
        clock: this.#clock,
        memory: engine.memory,
        videoMemory: engine.videoMemory,
        directMemory: engine.directMemory,
        sendMessage: (message) => this.#deliver(message),
        picInterrupt: (high) => {
          engine.vcpu.setPicInterrupt(high);
          if (high) this.#loop.wake();
        },
        fwCfg: {
          items: fwCfgItems(spec.memory, spec.cpus, boot?.menu ?? false),
          files: () => this.#fwCfgFiles(() => this.#board.pmBase),
        },
        bootAdapters: network.boot,
        idle: { rest: () => this.#loop.rest(), wake: () => this.#loop.wake() },
        requestReset: () => {
          this.#resetWanted = true;
          this.#interrupt();
        },
        powerOff: () => this.#finish({ kind: 'powerOff' }),
        debugExit: (value) => this.#finish({ kind: 'debugExit', value }),
        onHostFailure,
      },
      (pci, input) =>
        virtioFunctions(pci, {
          spec: { ...spec, adapters: network.adapters },
          input,
          clock: this.#clock,
          memory: this.#engine.memory,
          entropy: this.#entropy,
          onHostFailure,
        }),
    );
    this.#settling = this.#board.devices.filter((device) => device.pause !== undefined);
    const loop = {
      clock: this.#clock,
      cpuCap: spec.cpuCap ?? 100,
      yieldToEventLoop: () => parts.yieldToEventLoop(),
      interrupted: () => this.#end !== undefined || this.#resetWanted,
      pauseWanted: () => this.#pausesWanted > 0,
      ended: (exit: VcpuExit) => {
        if (exit.reason === 'failure') this.#finish({ kind: 'failure', detail: exit.detail });
        else this.#finish({ kind: 'tripleFault', detail: 'the CPU has shut down (triple fault)' });
      },
    };
    this.#newLoop = () =>
      engine.threads === undefined
        ? new SliceLoop({ ...loop, engine, settle: () => this.#settle() })
        : new ThreadLoop({ ...loop, threads: engine.threads });
    this.#loop = this.#newLoop();
    this.#powerOn();
  }

  #fwCfgFiles(pmBase: () => number): Map<string, FwCfgFile> {
    const { memory, cpus, serial, boot, drives, adapters } = this.#spec;
    // Made when firmware reads it: by then it has placed the PCI devices.
    const tables = (): ReturnType<typeof acpiFirmwareFiles> =>
      acpiFirmwareFiles(
        buildAcpiTables(
          acpiPlatform(cpus, Math.max(1, serial.length), floppyTypes(drives), {
            pmBase: pmBase(),
            pciMemoryStart: firmwarePciStart(memory),
          }),
        ),
      );
    const files = new Map<string, FwCfgFile>([
      ['etc/e820', e820File(memory)],
      ...smbiosFiles(this.#spec),
    ]);
    for (const name of acpiFileNames) files.set(name, () => tables().get(name) ?? new Uint8Array());
    if ('order' in boot)
      files.set(
        'bootorder',
        bootOrderFile(boot.order, drives, {
          virtioSlot: (position) => pciSlots.firstVirtio + position,
          adapterSlots: (adapters ?? []).map((_, index) => pciSlots.firstAdapter + index),
        }),
      );
    return files;
  }

  #vcpuHost(): VcpuHost {
    return {
      portRead: (port, width) => this.#board.ports.read(port, width),
      portWrite: (port, width, value) => this.#board.ports.write(port, width, value),
      memoryRead: (address, width) => this.#board.memory.read(address, width),
      memoryWrite: (address, width, value) =>
        this.#board.memoryWrite(address, width, value, (message) => this.#deliver(message)),
      acknowledgePic: () => this.#board.pic.acknowledge(),
      endOfInterrupt: (vector) => this.#board.ioApic.endOfInterrupt(vector),
      nowNs: () => this.#clock.nowNs(),
      wallMs: () => this.#clock.wallMs(),
    };
  }

  #deliver(message: InterruptMessage): void {
    this.#engine.vcpu.deliver(message);
    this.#loop.wake();
  }

  /** Makes the loop look at what has changed. */
  #interrupt(): void {
    this.#engine.vcpu.requestExit();
    this.#loop.wake();
  }

  #finish(end: MachineEnd): void {
    this.#end ??= end;
    this.#interrupt();
  }

  /** Reset of everything, the tables and the kernel put into memory, the CPU at its entry. */
  #powerOn(): void {
    const { boot, memory } = this.#spec;
    const [ns, wallMs] = [this.#clock.nowNs(), this.#clock.wallMs()];
    this.#board.reset();
    for (const vcpu of vcpusOf(this.#engine)) vcpu.reset();
    // The reset has cleared the instruction counter; time goes on.
    if (this.#clock instanceof CountedClock) this.#clock.setNs(ns, wallMs);
    // Other firmware starts where the reset has put the CPU and makes its own tables.
    if ('order' in boot && boot.external !== undefined) return;
    const placed = placeAcpiTables(this.#acpi, acpiTablesStart);
    this.#engine.memory.write(guestPhysical(acpiTablesStart), placed.bytes);
    this.#board.bios?.install();
    this.#engine.memory.write(guestPhysical(lowTablesStart), lowTables(this.#spec));
    if ('order' in boot) {
      this.#engine.vcpu.setEntry({
        mode: 'real16',
        cs: resetVector.segment,
        rip: resetVector.offset,
      });
      return;
    }
    const entry = loadKernel({
      kernel: boot.kernel,
      initrd: boot.initrd,
      commandLine: boot.commandLine,
      memory: this.#engine.memory,
      e820: memoryMap(memory),
      acpiRsdp: placed.rsdp,
    });
    this.#engine.vcpu.setEntry(entry);
  }

  /** Lets host I/O that is in flight finish (counted time). */
  async #settle(): Promise<void> {
    if (this.#settling.length === 0) return;
    await Promise.all(this.#settling.map((device) => device.pause?.()));
    for (const device of this.#settling) device.resume?.();
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    for (const device of this.#board.devices) device.start?.();
    this.resume();
  }

  resume(): void {
    if (!this.#started || this.#wanted === 'running' || this.#end !== undefined) return;
    this.#wanted = 'running';
    void this.#enqueue(() => {
      if (this.#wanted !== 'running' || this.#running !== undefined || this.#disposed) return;
      for (const device of this.#settling) device.resume?.();
      this.#goOn();
    });
  }

  #goOn(): void {
    this.#engine.runTime?.(true);
    this.#clock.run(true);
    this.#running = this.#run();
  }

  /** Runs `task` when the CPU stands still. */
  #standingStill<T>(task: () => T | Promise<T>): Promise<T> {
    this.#pausesWanted++;
    this.#interrupt();
    return this.#enqueue(async () => {
      await this.#running;
      this.#running = undefined;
      this.#pausesWanted--;
      return task();
    });
  }

  async pause(): Promise<void> {
    this.#wanted = 'paused';
    await this.#standingStill(async () => {
      await Promise.all(this.#settling.map((device) => device.pause?.(true)));
    });
  }

  async switchEngine(name: EngineName): Promise<{ readonly pauseMs: number }> {
    this.#engine.prepare?.(name);
    const asked = performance.now();
    return this.#standingStill(() => {
      try {
        if (this.#engine.switchTo === undefined) throw new Error('this machine has one engine');
        this.#engine.switchTo(name);
      } finally {
        // Devices go on with what they have in flight: only the CPU has moved.
        if (this.#wanted === 'running' && this.#end === undefined && !this.#disposed) this.#goOn();
      }
      return { pauseMs: performance.now() - asked };
    });
  }

  reset(): void {
    this.#resetWanted = true;
    this.#interrupt();
    void this.#enqueue(async () => {
      // A running loop resets by itself; a paused machine is reset here.
      if (this.#running === undefined) await this.#reset();
    });
  }

  async #reset(): Promise<void> {
    if (!this.#resetWanted || this.#end !== undefined) return;
    await Promise.all(this.#settling.map((device) => device.pause?.()));
    this.#resetWanted = false;
    this.#powerOn();
  }

  async #run(): Promise<void> {
    if (this.#loop.threads !== this.#engine.threads) this.#loop = this.#newLoop();
    try {
      while (this.#end === undefined && this.#pausesWanted === 0) {
        if (this.#resetWanted) {
          await this.#reset();
          for (const device of this.#settling) device.resume?.();
        }
        await this.#loop.run();
      }
    } catch (error) {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#finish({ kind: 'failure', detail: `the engine failed: ${detail}` });
    }
    this.#clock.run(false);
    this.#engine.runTime?.(false);
    if (this.#end !== undefined) {
      await Promise.all(this.#settling.map((device) => device.pause?.()));
      this.#resolveEnded(this.#end);
    }
  }

  #enqueue<T>(task: () => T | Promise<T>): Promise<T> {
    const done = this.#serial.then(task);
    this.#serial = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  get hotPlug(): boolean {
    return this.#board.ahci !== undefined;
  }

  plugDisk(port: number, disk: BlockBackend): void {
    this.#board.ahci?.attach(port, sataDisk(disk, port));
    this.#loop.wake();
  }

  async unplugDisk(port: number): Promise<void> {
    const ended = this.#board.ahci?.detach(port);
    this.#loop.wake();
    await ended;
  }

  input(event: InputEvent): void {
    this.#board.input.console.input(event);
  }

  get pointerMode(): PointerMode {
    return this.#board.input.console.pointerMode;
  }

  pressPowerButton(): void {
    this.#board.pressPowerButton();
    this.#interrupt();
  }

  save(): MachineState {
    if (this.#running !== undefined) throw new Error('only a paused machine can be saved');
    return saveMachine(this.#stateful());
  }

  saveParts(): MachineParts {
    if (this.#running !== undefined) throw new Error('only a paused machine can be saved');
    return saveParts(this.#stateful());
  }

  get running(): boolean {
    return this.#wanted === 'running' && this.#end === undefined;
  }

  get ram(): Uint8Array {
    return this.#engine.ram;
  }

  get ramWatch(): RamWatch | undefined {
    return this.#engine.ramWatch;
  }

  load(state: MachineParts & Partial<MachineState>): void {
    if (this.#running !== undefined) throw new Error('only a paused machine can load a state');
    loadMachine(this.#stateful(), state);
  }

  #stateful() {
    return {
      clock: this.#clock,
      devices: this.#board.devices,
      engine: this.#engine,
      entropy: this.#entropy,
    };
  }

  get display(): Display | undefined {
    return this.#board.display;
  }

  counters(): Record<string, number> {
    const counters: Record<string, number> = {};
    for (const vcpu of vcpusOf(this.#engine))
      for (const [name, value] of Object.entries(vcpu.counters()))
        counters[name] = (counters[name] ?? 0) + value;
    return { ...counters, ...this.#loop.counters() };
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.pause();
    for (const device of this.#board.devices) device.dispose?.();
    this.#engine.dispose?.();
  }
}
