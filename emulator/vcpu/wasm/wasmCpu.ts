/**
 * The Vcpu contract on the wasm core: instantiation, configuration, entry state, save and load. The core does
 * the rest (emulator/cpu, docs/engine.md).
 */
import type { Entropy, VersionedState } from '../../bus/types.ts';
import * as layout from '../../cpu/layout.ts';
import type { MemorySlot } from '../memorySlots.ts';
import type { ApicMessage, EntryState, Vcpu, VcpuExit, VcpuHost } from '../vcpu.ts';
import type { CpuState } from '../cpuState.ts';
import {
  checkedCpuState,
  cpuStateVersion,
  readCpuState,
  writeCpuState,
  writeSegment,
} from '../cpuState.ts';
import type { CpuModel } from '../../../shared/vm/cpuModels.ts';
import { common, type HostCpu } from '../cpuFeatures.ts';
import { coreFeatures, cpuidEntries, featuresOfModel } from '../cpuidModels.ts';
import type { GuestMemory } from '../guestMemory.ts';
import { TierTimes } from './tierTimes.ts';
import { Translations, type TranslationPolicy } from './translations.ts';

/** Functions of core.wasm (cpu/core.ts, cpu/exports.ts). */
interface Core {
  run(budget: number): number;
  runExactly(count: number, begins: number): number;
  setLockstepRole(role: number): void;
  flushTlb(): void;
  codeChanged(address: number, length: number): void;
  setPicInterrupt(high: number): void;
  deliverMessage(
    destination: number,
    logical: number,
    vector: number,
    delivery: number,
    level: number,
  ): number;
  nextTimerNs(): number;
  requestExit(): void;
  stateChanged(): void;
  flagsLow(): number;
  setFlagsLow(value: number): void;
  slotsChanged(): void;
  watchVideo(): void;
  translateLinear(high: number, low: number): number;
  resetCpu(): void;
}

export interface WasmCpuOptions {
  readonly core: WebAssembly.Module;
  readonly memory: GuestMemory;
  readonly index: number;
  readonly cpus: number;
  readonly model: CpuModel;
  readonly host: VcpuHost;
  /** When code is translated to wasm; undefined: it never is. */
  readonly translate?: TranslationPolicy | undefined;
  /** Source of RDRAND. */
  readonly entropy: Entropy;
  /** The CPU is such that the guest can move to this host's hardware engine; by default the model is whole and a TSC's tick a nanosecond. */
  readonly hostCpu?: HostCpu | undefined;
}

const anySubleaf = 0xffffffff;

const code64 = 0xa09b;
const code32 = 0xc09b;
const data32 = 0xc093;
const busyTss = 0x8b;

/** The time-stamp counter by default: a tick is a nanosecond of machine time. */
const tscKhz = 1_000_000;

export class WasmCpu implements Vcpu {
  readonly index: number;
  readonly #core: Core;
  readonly #view: DataView;
  readonly #base: number;
  readonly #model: Pick<WasmCpuOptions, 'model' | 'cpus'>;
  /** What the guest is told after a reset, and what it has been told. */
  readonly #own: HostCpu;
  #told: HostCpu;
  readonly #translations: Translations | undefined;
  readonly #tierTimes = new TierTimes();
  /** False: what gets hot now is translated later. */
  translating = true;

  constructor(options: WasmCpuOptions) {
    const { core, memory, index, host } = options;
    this.index = index;
    this.#model = options;
    const own = options.hostCpu ?? { features: featuresOfModel(options.model), tscKhz };
    this.#own = { ...own, features: common(own.features, coreFeatures) };
    this.#told = this.#own;
    this.#base = memory.regionOf(index);
    this.#view = new DataView(memory.memory.buffer);
    this.#configure(options);
    const instance = new WebAssembly.Instance(core, {
      env: { memory: memory.memory, abort: coreAborted },
      host: {
        CPU: this.#base,
        portRead: (port: number, width: 1 | 2 | 4) => host.portRead(port, width),
        portWrite: (port: number, width: 1 | 2 | 4, value: number) =>
          host.portWrite(port, width, value >>> 0),
        memoryRead: (address: number, width: 1 | 2 | 4) => host.memoryRead(address, width),
        memoryWrite: (address: number, width: 1 | 2 | 4, value: number) =>
          host.memoryWrite(address, width, value >>> 0),
        acknowledgePic: () => host.acknowledgePic(),
        endOfInterrupt: (vector: number) => host.endOfInterrupt(vector),
        // Messages to other CPUs: there are none yet.
        sendMessage: () => undefined,
        nowNs: () => host.nowNs(),
        wallMs: () => host.wallMs(),
        entropy: randomWords(options.entropy),
        trace: () => undefined,
      },
    });
    this.#core = instance.exports as unknown as Core;
    this.reset();
    if (options.translate !== undefined)
      this.#translations = new Translations(
        memory.memory,
        instance.exports,
        this.#base,
        options.translate,
      );
  }

  run(budget: number): VcpuExit {
    return this.#exitOf(() => {
      const translations = this.#translations;
      if (translations === undefined) return this.#core.run(budget);
      const [all, translated] = [this.instructionsRetired(), translations.instructionsRetired()];
      const started = performance.now();
      const reason = this.#core.run(budget);
      const inRegions = translations.instructionsRetired() - translated;
      const interpreted = this.instructionsRetired() - all - inRegions;
      this.#tierTimes.add(interpreted, inRegions, performance.now() - started);
      if (this.translating) translations.translateHot();
      return reason;
    });
  }

  /**
   * Lockstep (test/lockstep): runs until exactly `count` instructions have retired, or the CPU halts. `begins`: a run
   * begins here, where interrupts are taken; else the last one goes on.
   */
  runExactly(count: number, begins: boolean): VcpuExit {
    return this.#exitOf(() => this.#core.runExactly(count, begins ? 1 : 0));
  }

  /** Lockstep: a leader leaves runs in front of interrupts, a follower takes them only where a run begins. */
  setLockstepRole(role: 'alone' | 'leader' | 'follower'): void {
    this.#core.setLockstepRole(['alone', 'leader', 'follower'].indexOf(role));
  }

  /** Without a change of what the guest sees. */
  flushTlb(): void {
    this.#core.flushTlb();
  }

  #exitOf(run: () => number): VcpuExit {
    let reason: number;
    try {
      reason = run();
    } catch (error) {
      // A trap of the core is a bug in it; errors of devices are not its own and go on.
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      return {
        reason: 'failure',
        detail: `the CPU core trapped at ${this.#where()}: ${error.message}`,
      };
    }
    if (reason === layout.EXIT_BUDGET) return { reason: 'budget' };
    if (reason === layout.EXIT_HALT) return { reason: 'halt' };
    if (reason === layout.EXIT_SHUTDOWN) return { reason: 'shutdown' };
    return { reason: 'failure', detail: `the CPU core stopped at ${this.#where()}` };
  }

  requestExit(): void {
    this.#core.requestExit();
  }

  setPicInterrupt(high: boolean): void {
    this.#core.setPicInterrupt(high ? 1 : 0);
  }

  deliver({ destination, logical, vector, delivery, level }: ApicMessage): void {
    this.#core.deliverMessage(destination, logical ? 1 : 0, vector, delivery, level ? 1 : 0);
  }

  nextTimerNs(): number {
    return this.#core.nextTimerNs();
  }

  codeChanged(address: number, length: number): void {
    this.#core.codeChanged(address, length);
  }

  /** The memory's slots are others now; also from device code inside run(). */
  slotsChanged(slots: readonly MemorySlot[]): void {
    this.#setSlots(slots);
    this.#core.slotsChanged();
  }

  /** From now on the first write to each page of video memory is noted in its map. Not inside run(). */
  watchVideo(): void {
    this.#core.watchVideo();
  }

  /** Chooses the memory whose first writes are noted, video memory or all of it, and watches it. Not inside run(). */
  noteWrites({ offset, size, written }: GuestMemory['all']): void {
    this.#set32(layout.OFF_VIDEO_START, offset);
    this.#set32(layout.OFF_VIDEO_SIZE, size);
    this.#set32(layout.OFF_VIDEO_WRITTEN, written);
    this.#core.watchVideo();
  }

  reset(): void {
    // A loaded state may have brought another CPU.
    this.#tell(this.#own);
    this.#core.resetCpu();
  }

  setEntry(entry: EntryState): void {
    this.reset();
    const registers: readonly (readonly [number, number | undefined])[] = [
      [0, entry.rax],
      [3, entry.rbx],
      [4, entry.rsp],
      [6, entry.rsi],
      [7, entry.rdi],
    ];
    for (const [number, value] of registers) {
      if (value !== undefined) this.#set64(layout.OFF_GPR + 8 * number, value);
    }
    this.#set64(layout.OFF_RIP, entry.rip);
    if (entry.gdt !== undefined) {
      this.#set64(layout.OFF_GDT_BASE, entry.gdt.base);
      this.#set32(layout.OFF_GDT_LIMIT, entry.gdt.limit);
    }
    if (entry.mode === 'real16') this.#enterReal(entry);
    else this.#enterFlat(entry);
    this.#core.stateChanged();
  }

  #enterReal({ cs = 0, ds = 0 }: EntryState): void {
    for (let i = layout.ES; i <= layout.GS; i++) {
      const selector = i === layout.CS ? cs : ds;
      writeSegment(this.#view, this.#base, i, {
        selector,
        base: BigInt(selector * 16),
        limit: 0xffff,
        attributes: i === layout.CS ? 0x9b : 0x93,
      });
    }
  }

  #enterFlat({ mode, cr3 }: EntryState): void {
    const long = mode === 'long64';
    for (let i = layout.ES; i <= layout.GS; i++) {
      writeSegment(this.#view, this.#base, i, {
        selector: i === layout.CS ? 0x10 : 0x18,
        base: 0n,
        limit: 0xffffffff,
        attributes: i !== layout.CS ? data32 : long ? code64 : code32,
      });
    }
    writeSegment(this.#view, this.#base, layout.TR, {
      selector: 0,
      base: 0n,
      limit: 0x67,
      attributes: busyTss,
    });
    // PE and ET; caches on.
    let cr0 = 0x11;
    if (long) {
      cr0 += layout.CR0_PG;
      this.#set64(layout.OFF_CR4, layout.CR4_PAE);
      this.#set64(layout.OFF_CR3, cr3 ?? 0);
      this.#set64(layout.OFF_EFER, layout.EFER_LME | layout.EFER_LMA);
    }
    this.#set64(layout.OFF_CR0, cr0);
  }

  save(): VersionedState {
    return { version: cpuStateVersion, data: this.#state() };
  }

  load(state: VersionedState): void {
    // The core can do all of its own, whatever it tells.
    const data = checkedCpuState(`cpu${this.index}`, state, {
      ...this.#state(),
      features: coreFeatures,
    });
    this.#tell({ features: data.features, tscKhz: data.registers.tscKhz as number });
    writeCpuState(this.#view, this.#base, data);
    this.#core.setFlagsLow(data.rflags);
    this.#core.stateChanged();
  }

  counters(): Readonly<Record<string, number>> {
    const counter = (offset: number): number => this.#get32(offset);
    return {
      instructions: this.instructionsRetired(),
      exceptions: counter(layout.OFF_COUNT_EXCEPTIONS),
      interrupts: counter(layout.OFF_COUNT_INTERRUPTS),
      portAccesses: counter(layout.OFF_COUNT_PORT),
      mmioAccesses: counter(layout.OFF_COUNT_MMIO),
      tlbFills: counter(layout.OFF_COUNT_TLB_FILLS),
      tlbFlushes: counter(layout.OFF_COUNT_TLB_FLUSHES),
      codeWrites: counter(layout.OFF_COUNT_CODE_WRITES),
      ...this.#translationCounters(),
    };
  }

  #translationCounters(): Readonly<Record<string, number>> {
    if (this.#translations === undefined) return {};
    const all = this.instructionsRetired();
    const { running, interpreted, translated } = this.#tierTimes.get();
    return {
      hitRatePercent:
        all === 0 ? 0 : Math.round((1000 * this.#translations.instructionsRetired()) / all) / 10,
      ...this.#translations.counters(),
      runningMs: Math.round(running),
      interpretedMs: Math.round(interpreted),
      translatedMs: Math.round(translated),
    };
  }

  /** Retired since creation; exact between runs. */
  instructionsRetired(): number {
    const at = this.#base + layout.OFF_INSTRET;
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  /** The state in words, for tests and messages about a guest that cannot go on. */
  state(): CpuState {
    return this.#state();
  }

  /** Where execution stands and, after a shutdown, why: one line. */
  describe(): string {
    const halted = this.#get32(layout.OFF_HALTED);
    const where = this.#where();
    if (halted !== layout.HALTED_SHUTDOWN) return where;
    return `triple fault at ${where}, last exception ${this.#get32(layout.OFF_TRIPLE_VECTOR)}`;
  }

  /** Guest physical address behind a linear one, or undefined. Without side effects. */
  translate(linear: bigint): number | undefined {
    const physical = this.#core.translateLinear(
      Number(BigInt.asUintN(32, linear >> 32n)),
      Number(BigInt.asUintN(32, linear)),
    );
    return physical < 0 ? undefined : physical;
  }

  #state(): CpuState {
    const rflags = this.#core.flagsLow() >>> 0;
    return readCpuState(this.#view, this.#base, { rflags, features: this.#told.features });
  }

  #where(): string {
    const at = this.#view.getBigUint64(this.#base + layout.OFF_RIP, true);
    const selector = this.#get32(
      layout.OFF_SEG + layout.CS * layout.SEG_SIZE + layout.SEG_SELECTOR,
    );
    return `${selector.toString(16)}:${at.toString(16)}`;
  }

  /** What stays across resets: slots, CPUID, APIC ID, TSC rate, the map of code pages. */
  #configure({ memory, index }: WasmCpuOptions): void {
    this.#set32(layout.OFF_CODE_MAP, memory.codeMap);
    this.#set32(layout.OFF_APIC_ID, index);
    this.#tell(this.#own);
    this.#set32(layout.OFF_VIDEO_START, memory.video.offset);
    this.#set32(layout.OFF_VIDEO_SIZE, memory.video.size);
    this.#set32(layout.OFF_VIDEO_WRITTEN, memory.video.written);
    this.#setSlots(memory.slots);
  }

  /** What CPUID says, and the rate of the TSC. */
  #tell(told: HostCpu): void {
    this.#told = told;
    const { model, cpus } = this.#model;
    const entries = cpuidEntries({ model, cpus, ...told });
    if (entries.length > layout.CPUID_MAX) throw new Error('too many CPUID entries');
    this.#set32(layout.OFF_CPUID_COUNT, entries.length);
    entries.forEach(({ leaf, subleaf = anySubleaf, eax, ebx, ecx, edx }, i) => {
      const at = layout.OFF_CPUID + i * layout.CPUID_SIZE;
      [leaf, subleaf, eax, ebx, ecx, edx].forEach((value, n) => this.#set32(at + 4 * n, value));
    });
    this.#set32(layout.OFF_TSC_KHZ, told.tscKhz);
    this.#view.setFloat64(this.#base + layout.OFF_TSC_PER_NS, told.tscKhz / 1e6, true);
  }

  #setSlots(slots: readonly MemorySlot[]): void {
    if (slots.length > layout.SLOT_MAX) throw new Error('too many memory slots');
    this.#set32(layout.OFF_SLOT_COUNT, slots.length);
    slots.forEach(({ start, size, offset, readOnly }, i) => {
      const at = layout.OFF_SLOTS + i * layout.SLOT_SIZE;
      this.#set64(at, start);
      this.#set64(at + 8, size);
      this.#set32(at + 16, offset);
      this.#set32(at + 20, readOnly ? 1 : 0);
    });
  }

  #get32(offset: number): number {
    return this.#view.getUint32(this.#base + offset, true);
  }

  #set32(offset: number, value: number): void {
    this.#view.setUint32(this.#base + offset, value, true);
  }

  #set64(offset: number, value: number): void {
    this.#view.setBigUint64(this.#base + offset, BigInt(value), true);
  }
}

function coreAborted(): never {
  throw new Error('the CPU core met a broken invariant');
}

/** One word at a time: a seeded source is then all of the state that a snapshot needs. */
function randomWords(entropy: Entropy): () => number {
  const bytes = new Uint8Array(4);
  const word = new Uint32Array(bytes.buffer);
  return () => {
    entropy.fill(bytes);
    return word[0] as number;
  };
}
