/**
 * Runs the suite's 32-bit cases in ring 3 on KVM as far as kvm_pvm interprets them: it has no IRET into ring 3, so the vCPU's state is set
 * to that of a case; it has neither paging outside long mode nor faults delivered by an IDT, so a case ends by a triple fault, whose
 * first one KVM still names.
 */
import { exitReason, request, run, size } from '../../emulator/vcpu/kvm/kvmAbi.ts';
import { HostCallError, type HostCalls } from '../../emulator/vcpu/kvm/hostCalls.ts';
import { KickTimer } from '../../emulator/vcpu/kvm/kickTimer.ts';
import {
  KvmRegisters,
  type KvmRegisterImage,
  putSegment,
  regs,
  segmentIn,
  sregs,
} from '../../emulator/vcpu/kvm/kvmRegisters.ts';
import { KvmVm } from '../../emulator/vcpu/kvm/kvmVm.ts';
import { createGuestMemory } from '../../emulator/vcpu/guestMemory.ts';
import {
  type Case,
  fsBase,
  fxSize,
  gsBase,
  lineSize,
  memoryImage,
  type Outcome,
  windows,
} from './caseFormat.ts';
import { initialFx } from './suiteGuest.ts';

/** Without paging they are where their linear addresses are; the last one is above 4 GiB. */
const mapped = windows.filter(({ address }) => address < 2 ** 32);
const image = memoryImage().subarray(
  0,
  mapped.reduce((sum, window) => sum + window.size, 0),
);
const gdtAddress = 0x6f5e4000;
/** As in guest/kernel.S: Linux's selectors. */
const gdt: readonly bigint[] = [
  ...[0n, 0x00cf9b000000ffffn, 0x00af9b000000ffffn, 0x00cf93000000ffffn],
  ...[0x00cffb000000ffffn, 0x00cff3000000ffffn, 0x00affb000000ffffn, 0n],
  ...[0x0000890020000067n, 0n, 0n, 0n, 0n, 0n, 0n, 0x0040f50000000000n],
];
const limitNs = 50e6;
const int3 = 0xcc;
const breakpoint = 3;
const invalidOpcode = 6;
const resumeFlag = 0x10000;
const MAP_SHARED_FIXED = 0x11;
/** Order of a case's registers: that of the encodings. */
const order = [0, 16, 24, 8, 48, 56, 32, 40] as const;

/** Of an instruction that KVM does not interpret. */
export const refused = 250;

export class KvmRing3 {
  readonly #vm: KvmVm;
  readonly #fd: number;
  readonly #run: DataView;
  readonly #registers: KvmRegisters;
  readonly #timer: KickTimer;
  readonly #powerOn: KvmRegisterImage;
  readonly #ram: Uint8Array;

  constructor(calls: HostCalls) {
    const guest = createGuestMemory(1, [
      ...mapped.map(({ address, size: bytes, writable }) => ({
        ...{ start: address, size: bytes, readOnly: !writable },
      })),
      { start: gdtAddress, size: 4096 },
    ]);
    this.#vm = new KvmVm(calls, guest);
    this.#fd = this.#vm.createVcpu(0);
    const shared = this.#vm.area('run');
    const length = this.#vm.system('GET_VCPU_MMAP_SIZE');
    const at = this.#vm.addressOf(shared);
    const result = calls.call('mmap', at, length, 3, MAP_SHARED_FIXED, this.#fd, 0);
    if (result < 0) throw new HostCallError('mmap of a vCPU', -result);
    this.#run = new DataView(shared.buffer, shared.byteOffset, length);
    const area = this.#vm.area('vcpu');
    this.#timer = new KickTimer(calls, area.subarray(0x1000, 0x1100));
    const view = new DataView(area.buffer, area.byteOffset, 16);
    view.setUint32(0, 8, true);
    view.setBigUint64(4, this.#timer.maskInside, true);
    this.#vm.ioctl(this.#fd, 'SET_SIGNAL_MASK', this.#vm.addressOf(area));
    this.#registers = new KvmRegisters(this.#vm, this.#fd, area);
    this.#powerOn = this.#registers.take();
    const offset = guest.slots[0]?.offset ?? 0;
    this.#ram = new Uint8Array(guest.memory.buffer, offset, image.length);
    const table = new DataView(guest.memory.buffer, offset + image.length, 4096);
    gdt.forEach((entry, i) => table.setBigUint64(8 * i, entry, true));
  }

  /** Runs a 32-bit case. Undefined if it left the windows, or did not end. */
  run(test: Case): Outcome | undefined {
    this.#ram.set(image);
    for (const { address, bytes } of test.patches) {
      const at = offsetOf(address);
      if (at !== undefined) this.#ram.set(bytes, at);
    }
    this.#enter(test);
    this.#timer.arm(limitNs);
    const result = this.#vm.calls.call('ioctl', this.#fd, request.RUN, 0);
    this.#timer.arm(0);
    this.#timer.take();
    // With no IDT every fault becomes a triple one.
    return result === 0 && this.#run.getUint32(run.exitReason, true) === exitReason.SHUTDOWN
      ? this.#outcome(test)
      : undefined;
  }

  #enter(test: Case): void {
    this.#registers.put(this.#powerOn);
    const system = this.#registers.get('sregs');
    for (const name of ['cs', 'ds', 'es', 'ss', 'fs', 'gs'] as const) {
      const code = name === 'cs';
      const base = name === 'fs' ? fsBase : name === 'gs' ? gsBase : 0;
      putSegment(system, name, {
        selector: code ? 0x23 : base === 0 ? 0x2b : 0,
        base: BigInt(base),
        limit: 0xffffffff,
        attributes: code ? 0xc0fb : 0xc0f3,
      });
    }
    putSegment(system, 'tr', { selector: 0x40, base: 0n, limit: 0x67, attributes: 0x8b });
    // NE ET MP PE; OSFXSR OSXMMEXCPT. kvm_pvm has no paging outside long mode.
    system.setBigUint64(sregs.cr0, 0x33n, true);
    system.setBigUint64(sregs.cr4, 0x600n, true);
    system.setBigUint64(sregs.gdt, BigInt(gdtAddress), true);
    system.setUint16(sregs.gdt + 8, 8 * gdt.length - 1, true);
    system.setUint16(sregs.idt + 8, 0, true);
    this.#registers.set('sregs', system);
    const general = new DataView(new ArrayBuffer(size.regs));
    order.forEach((at, i) => general.setBigUint64(at, (test.gpr[i] ?? 0n) & 0xffffffffn, true));
    general.setBigUint64(regs.rip, BigInt(test.rip), true);
    general.setBigUint64(regs.rflags, BigInt((test.flags & 0xdd5) | 0x202), true);
    this.#registers.set('regs', general);
    const xsave = this.#registers.get('xsave');
    new Uint8Array(xsave.buffer).set(test.fx ?? initialFx);
    // XSTATE_BV: x87 and SSE.
    xsave.setBigUint64(512, 3n, true);
    this.#registers.set('xsave', xsave);
  }

  #outcome(test: Case): Outcome {
    const general = this.#registers.get('regs');
    const events = this.#registers.get('events');
    const system = this.#registers.get('sregs');
    const rip = general.getBigUint64(regs.rip, true);
    const vector = events.getUint8(1);
    const at = offsetOf(Number(rip));
    const first = at === undefined ? undefined : this.#ram[at];
    const gpr = new BigUint64Array(16);
    order.forEach((offset, i) => (gpr[i] = general.getBigUint64(offset, true)));
    // It names an INT3 as it does what it cannot interpret.
    const trapped = vector === invalidOpcode && first === int3;
    return {
      vector: trapped ? breakpoint : vector === invalidOpcode ? refused : vector,
      errorCode: events.getUint32(4, true),
      cr2: 0n,
      rip: trapped ? rip + 1n : rip,
      // A fault, as KVM sees it, sets RF (SDM 3A §6.8.3); the trap that it is does not.
      flags: general.getUint32(regs.rflags, true) & (trapped ? ~resumeFlag : ~0),
      gpr,
      selectors: Uint16Array.from(
        ['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const,
        (name) => segmentIn(system, name).selector,
      ),
      ...{ fsBase: segmentIn(system, 'fs').base, gsBase: segmentIn(system, 'gs').base },
      fx: test.fx && new Uint8Array(this.#registers.get('xsave').buffer).slice(0, fxSize),
      lines: this.#changedLines(),
    };
  }

  #changedLines(): Map<number, Uint8Array> {
    const lines = new Map<number, Uint8Array>();
    let at = 0;
    for (const { name, address, size: length } of mapped) {
      for (let line = 0; line < length; line += lineSize, at += lineSize) {
        const now = this.#ram.subarray(at, at + lineSize);
        if (name !== 'code' && Buffer.compare(now, image.subarray(at, at + lineSize)) !== 0)
          lines.set(address + line, now.slice());
      }
    }
    return lines;
  }

  dispose(): void {
    this.#timer.dispose();
    const shared = this.#vm.area('run');
    // MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS: the vCPU lives on while its pages are mapped.
    this.#vm.calls.call('mmap', this.#vm.addressOf(shared), this.#run.byteLength, 3, 0x32, -1, 0);
    this.#vm.dispose();
  }
}

/** Of a linear address in the windows. */
function offsetOf(address: number): number | undefined {
  let at = 0;
  for (const { address: start, size: length } of mapped) {
    if (address >= start && address < start + length) return at + address - start;
    at += length;
  }
  return undefined;
}
