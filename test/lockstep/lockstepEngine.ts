/**
 * Two CPUs as the one engine of a PC: the leader (translator) runs against the devices, the follower (interpreter)
 * then runs exactly as many instructions and hears from a tape what the devices answered. After each run all
 * registers are compared, RAM now and then.
 */
import type { DmaMemory, Entropy, GuestPhysical } from '../../emulator/bus/types.ts';
import type { EngineRequest, PcEngine } from '../../emulator/machine/pcParts.ts';
import type { Vcpu, VcpuExit, VcpuHost } from '../../emulator/vcpu/vcpu.ts';
import type { TranslationPolicy } from '../../emulator/vcpu/wasm/translations.ts';
import {
  createWasmEngine,
  type WasmEngine,
  type WasmEngineRequest,
} from '../../emulator/vcpu/wasm/wasmEngine.ts';
import { differences, type Difference } from './compareStates.ts';
import { traceRun } from './regionTrace.ts';
import { Divergence, Tape } from './tape.ts';

export interface LockstepPlan {
  /** When the leader translates. */
  readonly translate: TranslationPolicy;
  /** Instructions between two comparisons of RAM. */
  readonly ramEvery: number;
  /** From `start`, for `length` instructions each, in order: what is compared. All if undefined. */
  readonly windows?: readonly { readonly start: number; readonly length: number }[];
  /** Runs to look at closely: where RAM is compared each time, and one that is taken region by region. */
  readonly compareRamFrom?: number;
  readonly dissect?: number;
  /** Another CPU model for the follower: then they must part, for a test of this. */
  readonly followerModel?: EngineRequest['cpuModel'];
}

/** Where the engines part. */
export interface Mismatch {
  /** Number of the run, counted from the start of the machine. */
  readonly run: number;
  /** Instructions retired before the run, and in it. */
  readonly instructions: number;
  readonly retired: number;
  readonly differences: readonly Difference[];
  /** Guest physical addresses of bytes that differ; at most a few. */
  readonly memory: readonly number[];
  /** The last run at whose end RAM was equal too. */
  readonly ramEqualAfter: number;
  /** The host calls part, or another thing to say. */
  readonly detail?: string;
  /** The instructions of a dissected run, as text. */
  readonly trace?: string;
}

export class LockstepMismatch extends Error {
  override name = 'LockstepMismatch';
  readonly mismatch: Mismatch;
  constructor(mismatch: Mismatch) {
    super(`the engines part in run ${mismatch.run}`);
    this.mismatch = mismatch;
  }
}

export class LockstepEngine implements PcEngine, Vcpu {
  readonly index = 0;
  readonly vcpu = this;
  readonly memory: DmaMemory;
  /** The leader's: machines in lockstep have no display. */
  readonly videoMemory: PcEngine['videoMemory'];
  readonly directMemory: PcEngine['directMemory'];
  readonly ram: Uint8Array;
  readonly #tape = new Tape();
  readonly #leader: WasmEngine;
  readonly #follower: WasmEngine;
  readonly #plan: LockstepPlan;
  #runs = 0;
  #ramEqualAfter = -1;
  #nextRam = 0;
  #window = 0;
  #comparing: boolean;
  /** Instructions and runs that were compared. */
  compared = 0;
  mismatch: Mismatch | undefined;

  constructor(core: WebAssembly.Module, request: EngineRequest, plan: LockstepPlan) {
    this.#plan = plan;
    this.#comparing = plan.windows === undefined;
    const tape = this.#tape;
    const leader: WasmEngineRequest = {
      ...request,
      translate: plan.translate,
      host: leadingHost(request.host, tape),
      entropy: {
        fill: (bytes) => {
          const word = tape.lead('entropy', () => {
            request.entropy.fill(bytes);
            return new DataView(bytes.buffer).getUint32(0, true);
          });
          new DataView(bytes.buffer).setUint32(0, word, true);
        },
      },
    };
    this.#leader = createWasmEngine(core, leader);
    this.#follower = createWasmEngine(core, {
      ...request,
      cpuModel: plan.followerModel ?? request.cpuModel,
      host: followingHost(tape),
      entropy: followingEntropy(tape),
    });
    this.#leader.vcpu.setLockstepRole('leader');
    this.#follower.vcpu.setLockstepRole('follower');
    this.ram = this.#leader.ram;
    this.videoMemory = this.#leader.videoMemory;
    this.directMemory = this.#leader.directMemory;
    this.memory = this.#pairMemory();
  }

  /** To the follower: at once, or when it comes to the same host call. */
  #both(apply: (engine: WasmEngine) => void): void {
    apply(this.#leader);
    if (this.#tape.recording) this.#tape.effect(() => apply(this.#follower));
    else if (this.#comparing) apply(this.#follower);
  }

  #pairMemory(): DmaMemory {
    const { memory } = this.#leader;
    const both = (write: (to: DmaMemory) => void): void =>
      this.#both((engine) => write(engine.memory));
    return {
      inRam: (at, length) => memory.inRam(at, length),
      readU8: (at) => memory.readU8(at),
      readU16: (at) => memory.readU16(at),
      readU32: (at) => memory.readU32(at),
      readU64: (at) => memory.readU64(at),
      read: (at, target) => memory.read(at, target),
      writeU8: (at, value) => both((to) => to.writeU8(at, value)),
      writeU16: (at, value) => both((to) => to.writeU16(at, value)),
      writeU32: (at, value) => both((to) => to.writeU32(at, value)),
      writeU64: (at, value) => both((to) => to.writeU64(at, value)),
      write: (at: GuestPhysical, source: Uint8Array) => {
        const copy = Uint8Array.from(source);
        both((to) => to.write(at, copy));
      },
      views: (at, length) => memory.views(at, length),
      wrote: (at, length) => {
        const copy = new Uint8Array(length);
        memory.read(at, copy);
        both((to) => to.write(at, copy));
      },
    };
  }

  run(budget: number): VcpuExit {
    if (this.mismatch !== undefined)
      return { reason: 'failure', detail: 'the engines have parted' };
    this.#openWindow();
    const number = this.#runs++;
    const { vcpu } = this.#leader;
    if (!this.#comparing) return vcpu.run(budget);
    const instructions = vcpu.instructionsRetired();
    const ramEqualAfter = this.#ramEqualAfter;
    try {
      if (this.#plan.dissect === number) return this.#dissect(budget);
      this.#tape.record();
      const exit = vcpu.run(budget);
      this.#tape.recording = false;
      this.#follow(vcpu.instructionsRetired() - instructions);
      this.#compareRam(number);
      return exit;
    } catch (error) {
      this.#tape.recording = false;
      if (!(error instanceof Divergence)) throw error;
      this.mismatch = {
        run: number,
        instructions,
        retired: vcpu.instructionsRetired() - instructions,
        differences: this.#differences(),
        memory: this.#differingBytes(),
        ramEqualAfter,
        detail: error.message,
        ...(error.cause === undefined ? {} : { trace: String(error.cause) }),
      };
      return { reason: 'failure', detail: 'the engines part' };
    }
  }

  #follow(count: number): void {
    const { vcpu } = this.#follower;
    const before = vcpu.instructionsRetired();
    vcpu.runExactly(count, true);
    this.compared += count;
    const done = vcpu.instructionsRetired() - before;
    if (done !== count)
      throw new Divergence(
        `the follower ended after ${done} instructions, the leader after ${count}`,
      );
    this.#tape.checkEnd();
    if (this.#differences().length > 0) throw new Divergence('registers differ');
  }

  #differences(): Difference[] {
    return differences(this.#leader.vcpu.state(), this.#follower.vcpu.state());
  }

  #compareRam(number: number): void {
    const now = this.#leader.vcpu.instructionsRetired();
    if (now < this.#nextRam && number < (this.#plan.compareRamFrom ?? Infinity)) return;
    this.#nextRam = now + this.#plan.ramEvery;
    if (!this.#ramIsEqual()) throw new Divergence('memory differs');
    this.#ramEqualAfter = number;
  }

  #ramIsEqual(): boolean {
    return Buffer.compare(bufferOf(this.#leader.ram), bufferOf(this.#follower.ram)) === 0;
  }

  #differingBytes(): number[] {
    if (this.#ramIsEqual()) return [];
    const [a, b] = [this.#leader.ram, this.#follower.ram];
    const found: number[] = [];
    for (let i = 0; i < a.length && found.length < 16; i++) if (a[i] !== b[i]) found.push(i);
    return found;
  }

  /** The run in pieces as short as the leader makes them, the follower instruction by instruction. */
  #dissect(budget: number): VcpuExit {
    const { vcpu } = this.#leader;
    const end = vcpu.instructionsRetired() + budget;
    vcpu.translating = false;
    for (;;) {
      const before = vcpu.instructionsRetired();
      this.#tape.record();
      const exit = vcpu.run(1);
      this.#tape.recording = false;
      const count = vcpu.instructionsRetired() - before;
      const ramToo = this.#plan.compareRamFrom !== undefined;
      const outcome = traceRun(
        this.#follower.vcpu,
        this.#follower.memory,
        count,
        () => this.#differences().length === 0 && (!ramToo || this.#ramIsEqual()),
      );
      this.compared += count;
      if (outcome !== undefined) {
        const leader = vcpu.state();
        throw new Divergence('parted in the dissected run', { cause: outcome(leader) });
      }
      this.#tape.checkEnd();
      if (exit.reason !== 'budget' || vcpu.instructionsRetired() >= end) {
        vcpu.translating = true;
        return exit;
      }
    }
  }

  /** Windows: between them the leader runs alone; at a window's start the follower becomes its copy. */
  #openWindow(): void {
    const { windows } = this.#plan;
    if (windows === undefined) return;
    const now = this.#leader.vcpu.instructionsRetired();
    const window = windows[this.#window];
    if (window === undefined) return;
    if (this.#comparing && now >= window.start + window.length) {
      if (!this.#ramIsEqual()) {
        this.mismatch = {
          run: this.#runs,
          instructions: now,
          retired: 0,
          differences: [],
          memory: this.#differingBytes(),
          ramEqualAfter: this.#ramEqualAfter,
          detail: 'memory differs at the end of a window',
        };
      }
      this.#comparing = false;
      this.#window++;
      this.#openWindow();
    } else if (!this.#comparing && now >= window.start) {
      this.#comparing = true;
      this.#follower.ram.set(this.#leader.ram);
      this.#follower.vcpu.load(this.#leader.vcpu.save());
      this.#leader.vcpu.flushTlb();
      this.#ramEqualAfter = this.#runs - 1;
      this.#nextRam = now + this.#plan.ramEvery;
    }
  }

  /** True when all windows are done. */
  get finished(): boolean {
    const { windows } = this.#plan;
    return windows !== undefined && this.#window >= windows.length;
  }

  instructionsRetired(): number {
    return this.#leader.instructionsRetired();
  }

  requestExit(): void {
    this.#both((engine) => engine.vcpu.requestExit());
  }
  setPicInterrupt(high: boolean): void {
    this.#both((engine) => engine.vcpu.setPicInterrupt(high));
  }
  deliver(message: Parameters<Vcpu['deliver']>[0]): void {
    this.#both((engine) => engine.vcpu.deliver(message));
  }
  codeChanged(address: number, length: number): void {
    this.#both((engine) => engine.vcpu.codeChanged(address, length));
  }
  reset(): void {
    this.#both((engine) => engine.vcpu.reset());
  }
  setEntry(entry: Parameters<Vcpu['setEntry']>[0]): void {
    this.#both((engine) => engine.vcpu.setEntry(entry));
  }
  nextTimerNs(): number {
    return this.#leader.vcpu.nextTimerNs();
  }
  save(): ReturnType<Vcpu['save']> {
    return this.#leader.vcpu.save();
  }
  load(state: Parameters<Vcpu['load']>[0]): void {
    this.#both((engine) => engine.vcpu.load(state));
  }
  counters(): Readonly<Record<string, number>> {
    return this.#leader.vcpu.counters();
  }
}

const bufferOf = ({ buffer, byteOffset, length }: Uint8Array): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, length);

const hex = (value: number): string => `0x${value.toString(16)}`;
const names = {
  portRead: (port: number, width: number) => `read port ${hex(port)}, ${width} bytes`,
  portWrite: (port: number, width: number, value: number) =>
    `write ${hex(value)} to port ${hex(port)}, ${width} bytes`,
  memoryRead: (at: number, width: number) => `read ${hex(at)}, ${width} bytes`,
  memoryWrite: (at: number, width: number, value: number) =>
    `write ${hex(value)} to ${hex(at)}, ${width} bytes`,
  acknowledgePic: 'acknowledge the PIC',
  endOfInterrupt: (vector: number) => `end of interrupt ${vector}`,
  nowNs: 'time',
  wallMs: 'wall clock',
};

function leadingHost(host: VcpuHost, tape: Tape): VcpuHost {
  return {
    portRead: (port, width) =>
      tape.lead(names.portRead(port, width), () => host.portRead(port, width)),
    portWrite: (port, width, value) => {
      tape.lead(names.portWrite(port, width, value), () => host.portWrite(port, width, value));
    },
    memoryRead: (at, width) =>
      tape.lead(names.memoryRead(at, width), () => host.memoryRead(at, width)),
    memoryWrite: (at, width, value) => {
      tape.lead(names.memoryWrite(at, width, value), () => host.memoryWrite(at, width, value));
    },
    acknowledgePic: () => tape.lead(names.acknowledgePic, () => host.acknowledgePic()),
    endOfInterrupt: (vector) => {
      tape.lead(names.endOfInterrupt(vector), () => host.endOfInterrupt(vector));
    },
    nowNs: () => tape.lead(names.nowNs, () => host.nowNs()),
    wallMs: () => tape.lead(names.wallMs, () => host.wallMs()),
  };
}

function followingHost(tape: Tape): VcpuHost {
  return {
    portRead: (port, width) => tape.follow(names.portRead(port, width)),
    portWrite: (port, width, value) => {
      tape.follow(names.portWrite(port, width, value));
    },
    memoryRead: (at, width) => tape.follow(names.memoryRead(at, width)),
    memoryWrite: (at, width, value) => {
      tape.follow(names.memoryWrite(at, width, value));
    },
    acknowledgePic: () => tape.follow(names.acknowledgePic),
    endOfInterrupt: (vector) => {
      tape.follow(names.endOfInterrupt(vector));
    },
    nowNs: () => tape.follow(names.nowNs),
    wallMs: () => tape.follow(names.wallMs),
  };
}

function followingEntropy(tape: Tape): Entropy {
  return {
    fill: (bytes) => new DataView(bytes.buffer).setUint32(0, tape.follow('entropy'), true),
  };
}
