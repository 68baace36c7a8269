/**
 * The Vcpu contract on KVM (docs/engine.md, "KVM"). The vCPU runs on the machine's thread: KVM_RUN ends by an exit, which is
 * served by the same devices as on the other engines, or by the kick of a timer. The unit of a budget, and of
 * instructionsRetired(), is a nanosecond of host time here.
 */
import { StateError, type VersionedState } from '../../bus/types.ts';
import type { ApicMessage, EntryState, Vcpu, VcpuExit, VcpuHost } from '../vcpu.ts';
import { type CpuModel, cpuidEntries, type CpuidEntry } from '../wasm/cpuidModels.ts';
import { checkedCpuState, type CpuState, cpuStateVersion } from '../wasm/cpuState.ts';
import { HostCallError } from './hostCalls.ts';
import { KickTimer } from './kickTimer.ts';
import { exitReason, MP_STATE_HALTED, request, run, size } from './kvmAbi.ts';
import {
  type KvmRegisterImage,
  KvmRegisters,
  msr,
  regs,
  segmentIn,
  sregs,
} from './kvmRegisters.ts';
import { cpuStateOf, imageOf } from './kvmState.ts';
import type { KvmVm } from './kvmVm.ts';

const PROT_READ_WRITE = 3;
const MAP_SHARED_FIXED = 0x11;
const MAP_PRIVATE_FIXED_ANONYMOUS = 0x32;
const EINTR = -4;
const EAGAIN = -11;
/** KVM_CPUID_FLAG_SIGNIFCANT_INDEX */
const significantIndex = 1;

/** Parts of the vCPU's area: the first is scratch of the calls. */
const parts = { scratch: 0, timer: 0x1000, cpuid: 0x3000 } as const;

/** Registers of the local APIC's page, in bytes (SDM 3A table 11-1). */
const lapic = {
  irr: 0x200,
  lvtTimer: 0x320,
  initialCount: 0x380,
  currentCount: 0x390,
  divide: 0x3e0,
};

export class KvmCpu implements Vcpu {
  readonly index = 0;
  readonly #vm: KvmVm;
  readonly #host: VcpuHost;
  readonly #fd: number;
  readonly #state: DataView;
  readonly #shared: Uint8Array;
  readonly #timer: KickTimer;
  readonly #registers: KvmRegisters;
  readonly #powerOn: KvmRegisterImage;
  #tscKhz: number;
  readonly #scratch: number;
  readonly #scratchView: DataView;
  #picHigh = false;
  #exitWanted = false;
  #halted = false;
  #ranNs = 0;
  readonly #counts = { kicks: 0, portAccesses: 0, mmioAccesses: 0, interruptWindows: 0, ended: 0 };

  /** Throws HostCallError. */
  constructor(vm: KvmVm, model: CpuModel, host: VcpuHost) {
    this.#vm = vm;
    this.#host = host;
    this.#fd = vm.createVcpu(this.index);
    this.#shared = vm.area('run');
    const bytes = vm.system('GET_VCPU_MMAP_SIZE');
    if (bytes > this.#shared.length) throw new HostCallError('a vCPU of that size', 12);
    this.#map(MAP_SHARED_FIXED, this.#fd);
    this.#state = new DataView(this.#shared.buffer, this.#shared.byteOffset, bytes);
    const area = vm.area('vcpu');
    this.#scratchView = new DataView(area.buffer, area.byteOffset, parts.timer);
    this.#scratch = vm.addressOf(area);
    this.#timer = new KickTimer(vm.calls, area.subarray(parts.timer, parts.timer + 0x100));
    this.#scratchView.setUint32(0, 8, true);
    this.#scratchView.setBigUint64(4, this.#timer.maskInside, true);
    vm.ioctl(this.#fd, 'SET_SIGNAL_MASK', this.#scratch);
    this.#tscKhz = vm.ioctl(this.#fd, 'GET_TSC_KHZ');
    this.#setCpuid(model);
    this.#registers = new KvmRegisters(vm, this.#fd);
    this.#powerOn = this.#registers.take();
  }

  /** `budget`: nanoseconds. */
  run(budget: number): VcpuExit {
    const started = performance.now();
    this.#exitWanted = false;
    this.#timer.arm(Math.max(1000, budget));
    try {
      return this.#run();
    } finally {
      this.#timer.arm(0);
      this.#timer.take();
      this.#ranNs += (performance.now() - started) * 1e6;
    }
  }

  #run(): VcpuExit {
    for (;;) {
      this.#offerPicInterrupt();
      // Completes a port or memory access that is under way and enters the guest no more.
      this.#state.setUint8(run.immediateExit, this.#exitWanted ? 1 : 0);
      const result = this.#vm.calls.call('ioctl', this.#fd, request.RUN, 0);
      if (result === EINTR || result === EAGAIN) {
        this.#counts.kicks++;
        this.#vm.ioctl(this.#fd, 'GET_MP_STATE', this.#scratch);
        this.#halted = this.#scratchView.getUint32(0, true) === MP_STATE_HALTED;
        const wakes = this.#picHigh && this.#state.getUint8(run.ifFlag) !== 0;
        return { reason: this.#halted && !wakes ? 'halt' : 'budget' };
      }
      this.#halted = false;
      if (result < 0) return this.#failure(new HostCallError('KVM_RUN', -result).message);
      const end = this.#serve();
      if (end !== undefined) return end;
    }
  }

  /** Undefined: the guest goes on. */
  #serve(): VcpuExit | undefined {
    const state = this.#state;
    const reason = state.getUint32(run.exitReason, true);
    switch (reason) {
      case exitReason.IO:
        this.#port();
        return undefined;
      case exitReason.MMIO:
        this.#memory();
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

  #port(): void {
    const state = this.#state;
    this.#counts.portAccesses++;
    const width = state.getUint8(run.io.size) as 1 | 2 | 4;
    const port = state.getUint16(run.io.port, true);
    const count = state.getUint32(run.io.count, true);
    const out = state.getUint8(run.io.out) !== 0;
    let data = Number(state.getBigUint64(run.io.dataOffset, true));
    for (let i = 0; i < count; i++, data += width) {
      if (out) this.#host.portWrite(port, width, read(state, data, width));
      else write(state, data, width, this.#host.portRead(port, width));
    }
  }

  #memory(): void {
    const state = this.#state;
    this.#counts.mmioAccesses++;
    const address = Number(state.getBigUint64(run.mmio.address, true));
    const length = state.getUint32(run.mmio.length, true);
    const isWrite = state.getUint8(run.mmio.isWrite) !== 0;
    for (let done = 0; done < length;) {
      const left = length - done;
      const width = left >= 4 ? 4 : left >= 2 ? 2 : 1;
      const data = run.mmio.data + done;
      if (isWrite) this.#host.memoryWrite(address + done, width, read(state, data, width));
      else write(state, data, width, this.#host.memoryRead(address + done, width));
      done += width;
    }
  }

  /** An interrupt of the 8259 goes in as soon as the guest takes one. */
  #offerPicInterrupt(): void {
    let wait = 0;
    if (this.#picHigh) {
      if (this.#state.getUint8(run.readyForInterrupt) !== 0 && !this.#exitWanted) {
        this.#scratchView.setUint32(0, this.#host.acknowledgePic(), true);
        this.#vm.ioctl(this.#fd, 'INTERRUPT', this.#scratch);
        this.#state.setUint8(run.readyForInterrupt, 0);
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
  }

  deliver(message: ApicMessage): void {
    this.#vm.signal(message);
  }

  /** While the guest runs the kernel's own timer fires; it is asked only about one that halts. */
  nextTimerNs(): number {
    if (!this.#halted) return Infinity;
    const page = this.#registers.get('lapic');
    const now = this.#host.nowNs();
    for (let i = 0; i < 8; i++) if (page.getUint32(lapic.irr + 16 * i, true) !== 0) return now;
    const lvt = page.getUint32(lapic.lvtTimer, true);
    if ((lvt & 0x10000) !== 0) return Infinity;
    if (((lvt >>> 17) & 3) === 2) {
      const deadline = this.#registers.getMsr(msr.tscDeadline) ?? 0n;
      if (deadline === 0n) return Infinity;
      const ticks = Number(deadline - (this.#registers.getMsr(msr.tsc) ?? 0n));
      return now + Math.max(0, ticks / (this.#tscKhz / 1e6));
    }
    if (page.getUint32(lapic.initialCount, true) === 0) return Infinity;
    const divide = page.getUint32(lapic.divide, true);
    const shift = (((divide & 3) | ((divide >>> 1) & 4)) + 1) & 7;
    // A one-shot timer that has fired stands at 0 and is in the IRR, or was taken.
    const left = page.getUint32(lapic.currentCount, true);
    if (left === 0 && ((lvt >>> 17) & 3) === 0) return Infinity;
    return now + left * 2 ** shift;
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

  /** Throws StateError if KVM holds an event that only it can deliver. */
  save(): VersionedState {
    this.#settle();
    return { version: cpuStateVersion, data: this.#cpuState() };
  }

  #cpuState(): CpuState {
    const image = this.#registers.take();
    const systemTime = image.msrs.get(msr.kvmSystemTime) ?? 0n;
    return cpuStateOf(image, {
      nowNs: this.#host.nowNs(),
      tsc: this.#registers.getMsr(msr.tsc) ?? 0n,
      tscKhz: this.#tscKhz,
      picHigh: this.#picHigh,
      kvmVersion:
        (systemTime & 1n) === 0n
          ? 0
          : (this.#physical(systemTime - 1n, 4)?.getUint32(0, true) ?? 0),
      pdpte: this.#pdpte(image.structures.sregs),
    });
  }

  /** An event that is being delivered is in no register; running on for a moment lets the guest take it. */
  #settle(): void {
    for (let attempt = 0; attempt < 100; attempt++) {
      const events = this.#registers.get('events');
      const under = [0, 3, 8, 12].some((at) => events.getUint8(at) !== 0);
      if (!under) return;
      this.run(10_000);
    }
    throw new StateError('the guest is in the middle of an interrupt for too long to be saved');
  }

  #pdpte(system: Uint8Array): BigUint64Array {
    const view = new DataView(system.buffer, system.byteOffset, system.byteLength);
    const pae = (view.getUint32(sregs.cr4, true) & 0x20) !== 0;
    const paging = view.getUint32(sregs.cr0, true) >= 2 ** 31;
    const long = (view.getUint32(sregs.efer, true) & 0x400) !== 0;
    const table =
      pae && paging && !long
        ? this.#physical(view.getBigUint64(sregs.cr3, true) & 0xffffffe0n, 32)
        : undefined;
    return BigUint64Array.from({ length: 4 }, (_, i) => table?.getBigUint64(8 * i, true) ?? 0n);
  }

  /** Throws StateError where the state, or this host, is not fit for it. */
  load(state: VersionedState): void {
    const data = checkedCpuState(`cpu${this.index}`, state, this.#cpuState());
    const { tscKhz, tscOffset, kvmSystemTime } = data.registers as {
      tscKhz: number;
      tscOffset: bigint;
      kvmSystemTime: bigint;
    };
    if (
      Math.abs(tscKhz - this.#tscKhz) > this.#tscKhz / 4000 &&
      this.#vm.calls.call('ioctl', this.#fd, request.SET_TSC_KHZ, tscKhz) < 0
    )
      throw new StateError(
        `cpu${this.index}: the saved CPU's TSC runs at ${tscKhz} kHz, and this host's processor cannot change its own ${this.#tscKhz} kHz for a guest; open the state on the translator`,
      );
    this.#tscKhz = this.#vm.ioctl(this.#fd, 'GET_TSC_KHZ');
    this.#settleEoi(data);
    const nowNs = this.#host.nowNs();
    const ticks = BigInt(Math.trunc((nowNs * tscKhz) / 1e6));
    const tsc = BigInt.asUintN(64, ticks + tscOffset);
    const clock = (kvmSystemTime & 1n) === 0n ? undefined : this.#physical(kvmSystemTime - 1n, 32);
    try {
      this.#registers.setMsr(msr.tsc, tsc);
      this.#vm.setClock(clock === undefined ? BigInt(Math.trunc(nowNs)) : clockAt(clock, tsc));
      this.#registers.put(imageOf(data, this.#powerOn, nowNs));
    } catch (error) {
      if (!(error instanceof HostCallError)) throw error;
      throw new StateError(
        `cpu${this.index}: this host's KVM does not take the state (${error.message}): it uses what this processor lacks; open it on the translator`,
      );
    }
    this.#halted = data.registers.halted === 1;
    this.#picHigh = data.registers.picInterrupt === 1;
    const levels = data.registers.lapicTmr as Uint8Array;
    this.#vm.expectEnds(
      Array.from({ length: 256 }, (_, vector) => vector).filter(
        (vector) => ((levels[vector >>> 3] as number) & (1 << (vector & 7))) !== 0,
      ),
    );
  }

  /** Takes back an open offer of a PV EOI, or ends the interrupt if the guest has accepted it. */
  #settleEoi({ registers }: CpuState): void {
    if (registers.kvmEoiActive === 0) return;
    const word = this.#physical((registers.kvmPvEoi as bigint) - 1n, 4);
    if (word === undefined) return;
    if ((word.getUint32(0, true) & 1) !== 0) {
      word.setUint32(0, word.getUint32(0, true) & ~1, true);
      return;
    }
    const inService = registers.lapicIsr as Uint8Array;
    const last = inService.findLastIndex((bits) => bits !== 0);
    if (last >= 0)
      inService[last] =
        (inService[last] as number) & ~(1 << (31 - Math.clz32(inService[last] as number)));
  }

  /** Guest memory at a physical address; undefined where there is none. */
  #physical(address: bigint, length: number): DataView | undefined {
    const at = Number(address);
    const slot = this.#vm.guest.slots.find(
      ({ start, size: bytes }) => at >= start && at + length <= start + bytes,
    );
    if (slot === undefined) return undefined;
    return new DataView(this.#vm.guest.memory.buffer, slot.offset + at - slot.start, length);
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#counts, runningMs: Math.round(this.#ranNs / 1e6) };
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
    const slot = this.#vm.guest.slots.find(
      ({ start, size: length }) => address >= start && address + 15 <= start + length,
    );
    if (slot === undefined || (this.#registers.get('sregs').getUint32(224, true) & (2 ** 31)) !== 0)
      return '';
    const offset = slot.offset + address - slot.start;
    const bytes = new Uint8Array(this.#vm.guest.memory.buffer, offset, 15);
    return ` (bytes ${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')})`;
  }

  /** The model's leaves, without what this host's KVM does not have. */
  #setCpuid(model: CpuModel): void {
    const table = this.#vm.area('vcpu').subarray(parts.cpuid);
    const view = new DataView(table.buffer, table.byteOffset, table.length);
    const most = 256;
    view.setUint32(0, most, true);
    this.#vm.system('GET_SUPPORTED_CPUID', this.#vm.addressOf(table));
    const supported = new Map<number, CpuidEntry>();
    for (let i = 0; i < view.getUint32(0, true); i++) {
      const [leaf, subleaf, , eax, ebx, ecx, edx] = Array.from({ length: 7 }, (_, n) =>
        view.getUint32(8 + i * size.cpuidEntry + 4 * n, true),
      ) as [number, number, number, number, number, number, number];
      if (subleaf === 0) supported.set(leaf, { leaf, eax, ebx, ecx, edx });
    }
    const entries = cpuidEntries({ model, cpus: 1, tscKhz: this.#tscKhz }).map((entry) =>
      withoutUnsupported(entry, supported.get(entry.leaf)),
    );
    table.fill(0, 0, 8 + entries.length * size.cpuidEntry);
    view.setUint32(0, entries.length, true);
    entries.forEach(({ leaf, subleaf, eax, ebx, ecx, edx }, i) => {
      const flags = subleaf === undefined ? 0 : significantIndex;
      [leaf, subleaf ?? 0, flags, eax, ebx, ecx, edx].forEach((value, n) =>
        view.setUint32(8 + i * size.cpuidEntry + 4 * n, value, true),
      );
    });
    this.#vm.ioctl(this.#fd, 'SET_CPUID2', this.#vm.addressOf(table));
  }
}

/** x2APIC, TSC deadline and "under a hypervisor": of the kernel's local APIC, whatever the processor has. */
const alwaysLeaf1 = 2 ** 31 + 2 ** 24 + 2 ** 21;

function withoutUnsupported(entry: CpuidEntry, host: CpuidEntry | undefined): CpuidEntry {
  const and = (a: number, b: number | undefined): number => (a & (b ?? 0)) >>> 0;
  const { leaf, eax, ebx, ecx, edx } = entry;
  if (leaf === 1)
    return {
      ...entry,
      ecx: and(ecx, ((host?.ecx ?? 0) | alwaysLeaf1) >>> 0),
      edx: and(edx, host?.edx),
    };
  if (leaf === 7) return { ...entry, ebx: and(ebx, host?.ebx), edx: and(edx, host?.edx) };
  if (leaf === 0x40000001) return { ...entry, eax: and(eax, host?.eax) };
  if (leaf === 0x80000001) return { ...entry, ecx: and(ecx, host?.ecx), edx: and(edx, host?.edx) };
  return entry;
}

function read(view: DataView, offset: number, width: 1 | 2 | 4): number {
  if (width === 1) return view.getUint8(offset);
  return width === 2 ? view.getUint16(offset, true) : view.getUint32(offset, true);
}

function write(view: DataView, offset: number, width: 1 | 2 | 4, value: number): void {
  if (width === 1) view.setUint8(offset, value);
  else if (width === 2) view.setUint16(offset, value, true);
  else view.setUint32(offset, value, true);
}

/** Time of a kvmclock page (struct pvclock_vcpu_time_info) at a TSC, in ns. */
function clockAt(page: DataView, tsc: bigint): bigint {
  const shift = page.getInt8(28);
  const ticks = tsc - page.getBigUint64(8, true);
  const scaled = shift < 0 ? ticks >> BigInt(-shift) : ticks << BigInt(shift);
  return page.getBigUint64(16, true) + ((scaled * BigInt(page.getUint32(24, true))) >> 32n);
}
