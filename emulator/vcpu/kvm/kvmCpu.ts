/**
 * The Vcpu contract on KVM (docs/engine.md, "KVM"). KVM_RUN ends by an exit, which is served by the same devices as on the
 * other engines, or by a kick. A machine's vCPUs do it on threads of their own (kvmThreads.ts); `run`, for one that stands still, does
 * it on the caller's, where a timer kicks. The unit of a budget, and of instructionsRetired(), is a nanosecond of host time here.
 */
import type { CpuModel } from '../../../shared/vm/cpuModels.ts';
import { StateError, type VersionedState } from '../../bus/types.ts';
import type { HostCpu } from '../cpuFeatures.ts';
import { checkedCpuState, cpuStateVersion } from '../cpuState.ts';
import { physicalView } from '../guestMemory.ts';
import type { ApicMessage, EntryState, Vcpu, VcpuExit, VcpuHost } from '../vcpu.ts';
import { HostCallError } from './hostCalls.ts';
import { KickTimer } from './kickTimer.ts';
import { exitReason, MP_STATE_HALTED, request, run } from './kvmAbi.ts';
import { serveMemory, servePort } from './kvmAccesses.ts';
import { setCpuid } from './kvmCpuid.ts';
import { lapicTimerNs } from './kvmLapicTimer.ts';
import { type KvmRegisterImage, KvmRegisters, regs, segmentIn, sregs } from './kvmRegisters.ts';
import { KvmSavedState } from './kvmSavedState.ts';
import type { KvmVm } from './kvmVm.ts';

const PROT_READ_WRITE = 3;
const MAP_SHARED_FIXED = 0x11;
const MAP_PRIVATE_FIXED_ANONYMOUS = 0x32;
const EINTR = -4;
const EAGAIN = -11;

/** Parts of the vCPU's area: the first is scratch of the calls. */
const parts = { scratch: 0, timer: 0x1000, cpuid: 0x3000 } as const;

export class KvmCpu implements Vcpu {
  readonly index: number;
  /** The file descriptor for KVM_RUN. */
  readonly fd: number;
  /** Called before anything of an exit is served. */
  onLeave: (() => void) | undefined;
  /** Called when a vCPU that runs on another thread is to look at its interrupts. */
  onInterrupt: (() => void) | undefined;
  readonly #vm: KvmVm;
  readonly #host: VcpuHost;
  readonly #state: DataView;
  readonly #shared: Uint8Array;
  readonly #timer: KickTimer;
  readonly #registers: KvmRegisters;
  readonly #powerOn: KvmRegisterImage;
  readonly #states: KvmSavedState;
  readonly #scratch: number;
  readonly #scratchView: DataView;
  #picHigh = false;
  /** The kernel may hold an interrupt of the 8259 that none of its structures shows (pending_external_vector). */
  #picGiven = false;
  #exitWanted = false;
  #halted = false;
  #ranNs = 0;
  readonly #counts = { kicks: 0, portAccesses: 0, mmioAccesses: 0, interruptWindows: 0, ended: 0 };

  /** Throws HostCallError. */
  constructor(
    vm: KvmVm,
    {
      index,
      cpus,
      model,
    }: { readonly index: number; readonly cpus: number; readonly model: CpuModel },
    host: VcpuHost,
  ) {
    this.index = index;
    this.#vm = vm;
    this.#host = host;
    this.fd = vm.createVcpu(index);
    this.#shared = vm.area('run', index);
    const bytes = vm.system('GET_VCPU_MMAP_SIZE');
    if (bytes > this.#shared.length) throw new HostCallError('a vCPU of that size', 12);
    this.#map(MAP_SHARED_FIXED, this.fd);
    this.#state = new DataView(this.#shared.buffer, this.#shared.byteOffset, bytes);
    const area = vm.area('vcpu', index);
    this.#scratchView = new DataView(area.buffer, area.byteOffset, parts.timer);
    this.#scratch = vm.addressOf(area);
    this.#timer = new KickTimer(vm.calls, area.subarray(parts.timer, parts.timer + 0x100));
    this.#scratchView.setUint32(0, 8, true);
    this.#scratchView.setBigUint64(4, this.#timer.maskInside, true);
    vm.ioctl(this.fd, 'SET_SIGNAL_MASK', this.#scratch);
    const tscKhz = vm.ioctl(this.fd, 'GET_TSC_KHZ');
    const features = setCpuid(
      vm,
      this.fd,
      { model, tscKhz, index, cpus },
      area.subarray(parts.cpuid),
    );
    this.#registers = new KvmRegisters(vm, this.fd, area);
    this.#powerOn = this.#registers.take();
    this.#states = new KvmSavedState({
      vm,
      vcpuFd: this.fd,
      index,
      registers: this.#registers,
      powerOn: this.#powerOn,
      host,
      features,
    });
  }

  /** `budget`: nanoseconds. */
  run(budget: number): VcpuExit {
    const started = performance.now();
    const held = this.#states.timeIsHeld;
    this.#states.releaseTime();
    this.#exitWanted = false;
    this.#timer.arm(Math.max(1000, budget));
    try {
      return this.#run();
    } finally {
      this.#timer.arm(0);
      this.#timer.take();
      if (held) this.#states.holdTime();
      this.#ranNs += (performance.now() - started) * 1e6;
    }
  }

  #run(): VcpuExit {
    for (;;) {
      this.enter();
      const end = this.leave(this.#vm.calls.call('ioctl', this.fd, request.RUN, 0));
      if (end === 'kicked') {
        this.#vm.ioctl(this.fd, 'GET_MP_STATE', this.#scratch);
        this.#halted = this.#scratchView.getUint32(0, true) === MP_STATE_HALTED;
        const wakes = this.#picHigh && this.#state.getUint8(run.ifFlag) !== 0;
        return { reason: this.#halted && !wakes ? 'halt' : 'budget' };
      }
      if (end !== undefined) return end;
    }
  }

  /** Before KVM_RUN. */
  enter(): void {
    this.#halted = false;
    this.#offerPicInterrupt();
    // Completes a port or memory access that is under way and enters the guest no more.
    this.#state.setUint8(run.immediateExit, this.#exitWanted ? 1 : 0);
  }

  /** After KVM_RUN, which returned `result`, a negated errno: serves the exit. Undefined: the guest goes on. */
  leave(result: number): VcpuExit | 'kicked' | undefined {
    this.onLeave?.();
    // Taking one disables interrupts; that the kernel takes another says the same.
    if (this.#state.getUint8(run.ifFlag) === 0 || this.#state.getUint8(run.readyForInterrupt) !== 0)
      this.#picGiven = false;
    if (result === EINTR || result === EAGAIN) {
      this.#counts.kicks++;
      this.#exitWanted = false;
      return 'kicked';
    }
    if (result < 0) return this.#failure(new HostCallError('KVM_RUN', -result).message);
    return this.#serve();
  }

  /** Ends KVM_RUN of another thread before it begins. */
  exitAtOnce(): void {
    this.#state.setUint8(run.immediateExit, 1);
  }

  /** Undefined: the guest goes on. */
  #serve(): VcpuExit | undefined {
    const state = this.#state;
    const reason = state.getUint32(run.exitReason, true);
    switch (reason) {
      case exitReason.IO:
        this.#counts.portAccesses++;
        servePort(state, this.#host);
        return undefined;
      case exitReason.MMIO:
        this.#counts.mmioAccesses++;
        serveMemory(state, this.#host);
        return undefined;
      case exitReason.IRQ_WINDOW_OPEN:
        this.#counts.interruptWindows++;
        return undefined;
      case exitReason.INTR:
      case exitReason.HLT:
        return undefined;
      case exitReason.IOAPIC_EOI:
        this.#counts.ended++;
        this.#host.endOfInterrupt(state.getUint8(run.eoi.vector));
        return undefined;
      case exitReason.SHUTDOWN:
        return { reason: 'shutdown' };
      case exitReason.FAIL_ENTRY:
        return this.#failure(
          `KVM could not enter the guest (${state.getBigUint64(run.failEntry.reason, true).toString(16)})`,
        );
      case exitReason.INTERNAL_ERROR:
        return this.#failure(
          state.getUint32(run.internal.suberror, true) === 1
            ? 'KVM met an instruction that it cannot emulate'
            : `KVM met an internal error (${state.getUint32(run.internal.suberror, true)})`,
        );
      default:
        return this.#failure(`KVM ended with reason ${reason}, which this version does not know`);
    }
  }

  /** An interrupt of the 8259 goes in as soon as the guest takes one. */
  #offerPicInterrupt(): void {
    let wait = 0;
    if (this.#picHigh) {
      if (this.#state.getUint8(run.readyForInterrupt) !== 0 && !this.#exitWanted) {
        this.#scratchView.setUint32(0, this.#host.acknowledgePic(), true);
        this.#vm.ioctl(this.fd, 'INTERRUPT', this.#scratch);
        this.#state.setUint8(run.readyForInterrupt, 0);
        this.#picGiven = true;
        wait = this.#picHigh ? 1 : 0;
      } else wait = 1;
    }
    this.#state.setUint8(run.requestInterruptWindow, wait);
  }

  requestExit(): void {
    this.#exitWanted = true;
  }

  setPicInterrupt(high: boolean): void {
    this.#picHigh = high;
    if (high) this.onInterrupt?.();
  }

  deliver(message: ApicMessage): void {
    this.#vm.signal(message);
  }

  /** While the guest runs the kernel's own timer fires; it is asked only about one that halts. */
  nextTimerNs(): number {
    if (!this.#halted) return Infinity;
    return lapicTimerNs(this.#registers, this.#host.nowNs(), this.#states.tscKhz);
  }

  codeChanged(): void {
    // KVM sees the memory that the guest does.
  }

  reset(): void {
    this.#halted = false;
    this.#picHigh = false;
    this.#state.setUint8(run.readyForInterrupt, 0);
    this.#registers.put(this.#powerOn);
  }

  setEntry(entry: EntryState): void {
    this.reset();
    this.#registers.enter(entry);
  }

  /** Machine time runs or stands still, and the guest's clocks with it. The vCPU stands still. */
  runTime(running: boolean): void {
    if (running) this.#states.releaseTime();
    else this.#states.holdTime();
  }

  /** Throws StateError if KVM holds an event that only it can deliver. */
  save(): VersionedState {
    if (!this.settle())
      throw new StateError('the guest is in the middle of an interrupt for too long to be saved');
    return { version: cpuStateVersion, data: this.#states.take(this.#picHigh) };
  }

  /**
   * An event that is being delivered is in no register, and an interrupt of the 8259 that KVM was given would outlast a reset; running on for a
   * moment lets the guest take it. Whether it has.
   */
  settle(): boolean {
    for (let attempt = 0; attempt < 100; attempt++) {
      const events = this.#registers.get('events');
      const under = [0, 3, 8, 12].some((at) => events.getUint8(at) !== 0);
      if (!under && !this.#picGiven) return true;
      // Longer each time: beside others' work a short slice is over before the guest is entered.
      if (['shutdown', 'failure'].includes(this.run(10_000 * (attempt + 1)).reason)) return false;
    }
    return false;
  }

  /** Throws StateError where the state, or this host, is not fit for it. */
  load(state: VersionedState): void {
    const id = `cpu${this.index}`;
    const data = checkedCpuState(id, state, this.#states.take(this.#picHigh));
    this.#states.put(id, data);
    this.#halted = data.registers.halted === 1;
    this.#picHigh = data.registers.picInterrupt === 1;
    const levels = data.registers.lapicTmr as Uint8Array;
    this.#vm.expectEnds(
      Array.from({ length: 256 }, (_, vector) => vector).filter(
        (vector) => ((levels[vector >>> 3] as number) & (1 << (vector & 7))) !== 0,
      ),
    );
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#counts, runningMs: Math.round(this.#ranNs / 1e6) };
  }

  get hostCpu(): HostCpu {
    return this.#states.hostCpu;
  }

  /** Nanoseconds inside run(), since creation. */
  instructionsRetired(): number {
    return this.#ranNs;
  }

  dispose(): void {
    this.#timer.dispose();
    // The vCPU lives on while its pages are mapped.
    this.#map(MAP_PRIVATE_FIXED_ANONYMOUS, -1);
  }

  #map(flags: number, fd: number): void {
    const address = this.#vm.addressOf(this.#shared);
    const length = this.#vm.system('GET_VCPU_MMAP_SIZE');
    const result = this.#vm.calls.call('mmap', address, length, PROT_READ_WRITE, flags, fd, 0);
    if (result < 0) throw new HostCallError('mmap of a vCPU', -result);
  }

  #failure(why: string): VcpuExit {
    return { reason: 'failure', detail: `${why}, at ${this.#where()}` };
  }

  #where(): string {
    const { selector, base } = segmentIn(this.#registers.get('sregs'), 'cs');
    const rip = this.#registers.get('regs').getBigUint64(regs.rip, true);
    const at = this.#instructionAt(Number(base + rip));
    return `${selector.toString(16)}:${rip.toString(16)}${at}`;
  }

  /** The bytes at an address that is the same linear and physical, as without paging. */
  #instructionAt(address: number): string {
    const paging = (this.#registers.get('sregs').getUint32(sregs.cr0, true) & (2 ** 31)) !== 0;
    const view = paging ? undefined : physicalView(this.#vm.guest, address, 15);
    if (view === undefined) return '';
    const bytes = Array.from({ length: 15 }, (_, i) => view.getUint8(i));
    return ` (bytes ${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')})`;
  }
}
