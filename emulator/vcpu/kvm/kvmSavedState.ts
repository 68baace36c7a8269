/** A KVM vCPU's registers as a saved state and back, with what the kernel's structures do not hold: time and the guest's pages of kvmclock. */
import { StateError } from '../../bus/types.ts';
import type { HostCpu } from '../cpuFeatures.ts';
import type { CpuState } from '../cpuState.ts';
import { physicalView } from '../guestMemory.ts';
import type { VcpuHost } from '../vcpu.ts';
import { HostCallError } from './hostCalls.ts';
import { request } from './kvmAbi.ts';
import { type KvmRegisterImage, type KvmRegisters, msr, sregs } from './kvmRegisters.ts';
import { cpuStateOf, imageOf } from './kvmState.ts';
import type { KvmVm } from './kvmVm.ts';

export interface KvmSavedStateParts {
  readonly vm: KvmVm;
  readonly vcpuFd: number;
  /** The first vCPU's TSC is set, and the others' follow it. */
  readonly index: number;
  readonly registers: KvmRegisters;
  /** What a vCPU has for all that a state does not name. */
  readonly powerOn: KvmRegisterImage;
  readonly host: VcpuHost;
  readonly features: CpuState['features'];
}

/** Some minutes at any rate. */
const farTicks = 2n ** 40n;

export class KvmSavedState {
  readonly #vm: KvmVm;
  readonly #fd: number;
  readonly #index: number;
  readonly #registers: KvmRegisters;
  readonly #powerOn: KvmRegisterImage;
  readonly #host: VcpuHost;
  readonly #features: CpuState['features'];
  #tscKhz: number;
  /** What the TSC goes on from; undefined while it runs. */
  #heldTsc: bigint | undefined;

  constructor({ vm, vcpuFd, index, registers, powerOn, host, features }: KvmSavedStateParts) {
    this.#vm = vm;
    this.#fd = vcpuFd;
    this.#index = index;
    this.#registers = registers;
    this.#powerOn = powerOn;
    this.#host = host;
    this.#features = features;
    this.#tscKhz = vm.ioctl(vcpuFd, 'GET_TSC_KHZ');
  }

  get hostCpu(): HostCpu {
    return { features: this.#features, tscKhz: this.#tscKhz };
  }

  /** The rate of the guest's TSC. */
  get tscKhz(): number {
    return this.#tscKhz;
  }

  get timeIsHeld(): boolean {
    return this.#heldTsc !== undefined;
  }

  /** The guest stands still, and so does its time. In truth KVM's goes on: releaseTime() sets it back. */
  holdTime(): void {
    this.#heldTsc ??= this.#registers.getMsr(msr.tsc) ?? 0n;
  }

  /** The guest's time goes on from where it was held; with several vCPUs, the first one's first. */
  releaseTime(): void {
    const tsc = this.#heldTsc;
    if (tsc === undefined) return;
    this.#heldTsc = undefined;
    this.#setTime(tsc, this.#registers.getMsr(msr.kvmSystemTime) ?? 0n);
    // One that has not fired meanwhile would come too early.
    const deadline = this.#registers.getMsr(msr.tscDeadline) ?? 0n;
    if (deadline !== 0n) this.#registers.setMsr(msr.tscDeadline, deadline);
  }

  /** The registers now; `picHigh`: level of the 8259's wire. */
  take(picHigh: boolean): CpuState {
    const image = this.#registers.take();
    const systemTime = image.msrs.get(msr.kvmSystemTime) ?? 0n;
    return cpuStateOf(image, {
      nowNs: this.#host.nowNs(),
      tsc: this.#heldTsc ?? this.#registers.getMsr(msr.tsc) ?? 0n,
      tscKhz: this.#tscKhz,
      picHigh,
      kvmVersion:
        (systemTime & 1n) === 0n
          ? 0
          : (this.#physical(systemTime - 1n, 4)?.getUint32(0, true) ?? 0),
      pdpte: this.#pdpte(image.structures.sregs),
      features: this.#features,
    });
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

  /** `id` names the CPU in messages. Throws StateError where this host is not fit for the state. */
  put(id: string, data: CpuState): void {
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
        `${id}: the saved CPU's TSC runs at ${tscKhz} kHz, and this host's processor cannot change its own ${this.#tscKhz} kHz for a guest; open the state on the translator`,
      );
    this.#tscKhz = this.#vm.ioctl(this.#fd, 'GET_TSC_KHZ');
    this.#settleEoi(data);
    const nowNs = this.#host.nowNs();
    const ticks = BigInt(Math.trunc((nowNs * tscKhz) / 1e6));
    const tsc = BigInt.asUintN(64, ticks + tscOffset);
    try {
      this.#setTime(tsc, kvmSystemTime);
      this.#heldTsc = tsc;
      this.#registers.put(imageOf(data, this.#powerOn, nowNs));
    } catch (error) {
      if (!(error instanceof HostCallError)) throw error;
      throw new StateError(
        `${id}: this host's KVM does not take the state (${error.message}): it uses what this processor lacks; open it on the translator`,
      );
    }
  }

  /** `systemTime`: the MSR that names the guest's page of kvmclock. */
  #setTime(tsc: bigint, systemTime: bigint): void {
    // KVM takes a value within a second of what the TSC would show for an attempt to bring vCPUs into step, and keeps its own:
    // so one far from both comes first (arch/x86/kvm/x86.c, kvm_synchronize_tsc). The other vCPUs are to be in step.
    if (this.#index === 0) this.#registers.setMsr(msr.tsc, tsc + farTicks);
    this.#registers.setMsr(msr.tsc, tsc);
    if (this.#index !== 0) return;
    const clock = (systemTime & 1n) === 0n ? undefined : this.#physical(systemTime - 1n, 32);
    this.#vm.setClock(
      clock === undefined ? BigInt(Math.trunc(this.#host.nowNs())) : clockAt(clock, tsc),
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

  #physical(address: bigint, length: number): DataView | undefined {
    return physicalView(this.#vm.guest, Number(address), length);
  }
}

/** Time of a kvmclock page (struct pvclock_vcpu_time_info) at a TSC, in ns. */
function clockAt(page: DataView, tsc: bigint): bigint {
  const shift = page.getInt8(28);
  const ticks = tsc - page.getBigUint64(8, true);
  const scaled = shift < 0 ? ticks >> BigInt(-shift) : ticks << BigInt(shift);
  return page.getBigUint64(16, true) + ((scaled * BigInt(page.getUint32(24, true))) >> 32n);
}
