/**
 * One machine's memory with a CPU that moves between engines while the machine stands still between two slices: memory and devices
 * stay, the CPU's saved state goes over (docs/engine.md, "Live switch").
 */
import type { EngineName } from '../../shared/vm/engines.ts';
import type { DirectMemory } from '../bus/directMemory.ts';
import type { RamWatch } from '../bus/ramWatch.ts';
import type { VideoMemory } from '../bus/videoMemory.ts';
import { type EngineCpu, engineMemory, type EngineRequest, memoryFor } from './engineMemory.ts';
import type { GuestMemory } from './guestMemory.ts';
import type { GuestRam } from './guestRam.ts';
import type { Vcpu } from './vcpu.ts';
import type { VcpuThreads } from './vcpuThreads.ts';

/** Makes an engine's CPU on the machine's memory; throws UserError where the host does not have it. */
export type EngineMaker = (guest: GuestMemory) => EngineCpu;

export class SwitchableEngine {
  readonly memory: GuestRam;
  readonly videoMemory: VideoMemory;
  readonly directMemory: DirectMemory;
  readonly ram: Uint8Array;
  readonly ramWatch: RamWatch;
  readonly #guest: GuestMemory;
  readonly #make: (name: EngineName) => EngineMaker;
  /** Those that the guest has left, or may go to: a move is quicker so. */
  readonly #waiting = new Map<EngineName, EngineCpu>();
  #name: EngineName;
  #cpu: EngineCpu;
  #noted: GuestMemory['all'];

  /** Throws UserError where the host does not have the engine, RangeError if it lacks the memory. */
  constructor(request: EngineRequest, name: EngineName, make: (name: EngineName) => EngineMaker) {
    this.#guest = memoryFor(request);
    this.#make = make;
    this.#noted = this.#guest.video;
    this.#name = name;
    this.#cpu = make(name)(this.#guest);
    const { memory, videoMemory, directMemory, ram, ramWatch } = engineMemory(
      this.#guest,
      request,
      () => this.#facade,
    );
    this.memory = memory;
    this.videoMemory = videoMemory;
    this.directMemory = directMemory;
    this.ram = ram;
    this.ramWatch = ramWatch;
  }

  /** Whatever runs the guest now, and a note of what it is to watch. */
  readonly #facade: EngineCpu = ((engine: SwitchableEngine): EngineCpu => ({
    get vcpu() {
      return engine.#cpu.vcpu;
    },
    instructionsRetired: () => engine.#cpu.instructionsRetired(),
    slotsChanged: () => engine.#cpu.slotsChanged(),
    noteWrites: (area) => {
      engine.#noted = area;
      engine.#cpu.noteWrites(area);
    },
    gatherWrites: () => engine.#cpu.gatherWrites(),
    watchWrites: () => engine.#cpu.watchWrites(),
    dispose: () => engine.#cpu.dispose(),
  }))(this);

  get name(): EngineName {
    return this.#name;
  }

  get vcpu(): Vcpu {
    return this.#cpu.vcpu;
  }

  get threads(): VcpuThreads | undefined {
    return this.#cpu.threads;
  }

  runTime(running: boolean): void {
    this.#cpu.runTime?.(running);
  }

  instructionsRetired(): number {
    return this.#cpu.instructionsRetired();
  }

  /** Makes the CPU to which a move will go, while the guest still runs. Throws UserError where the host does not have the engine. */
  prepare(name: EngineName): void {
    if (name !== this.#name) this.#waitingFor(name);
  }

  #waitingFor(name: EngineName): EngineCpu {
    const cpu = this.#waiting.get(name) ?? this.#make(name)(this.#guest);
    this.#waiting.set(name, cpu);
    return cpu;
  }

  /**
   * Not inside run(). Throws UserError or StateError, with the guest on the engine that it was on, if the other one is not to be had or
   * does not take the state.
   */
  switchTo(name: EngineName): void {
    if (name === this.#name) return;
    const state = this.#cpu.vcpu.save();
    this.#cpu.gatherWrites();
    const next = this.#waitingFor(name);
    next.slotsChanged();
    next.noteWrites(this.#noted);
    next.vcpu.load(state);
    this.#waiting.delete(name);
    // KVM's would go on to fire the timers that it holds.
    if (this.#name === 'kvm') this.#cpu.vcpu.reset();
    this.#waiting.set(this.#name, this.#cpu);
    this.#name = name;
    this.#cpu = next;
  }

  dispose(): void {
    this.#guest.onSlotsChanged = undefined;
    for (const cpu of this.#waiting.values()) cpu.dispose();
    this.#cpu.dispose();
  }
}
