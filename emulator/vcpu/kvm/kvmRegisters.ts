/**
 * A KVM vCPU's registers in the kernel's own structures (Documentation/virt/kvm/api.rst; struct kvm_regs, kvm_sregs and so on
 * of arch/x86/include/uapi/asm/kvm.h), read and written as a whole: what a reset brings back, and what an entry changes.
 */
import type { EntryState } from '../vcpu.ts';
import { HostCallError } from './hostCalls.ts';
import { request, size } from './kvmAbi.ts';
import type { KvmVm } from './kvmVm.ts';

/** Structures of a vCPU in the order in which they are set: what later ones depend on comes first. */
const structures = [
  { name: 'sregs', get: 'GET_SREGS', set: 'SET_SREGS', bytes: size.sregs },
  { name: 'regs', get: 'GET_REGS', set: 'SET_REGS', bytes: size.regs },
  { name: 'xcrs', get: 'GET_XCRS', set: 'SET_XCRS', bytes: size.xcrs },
  { name: 'xsave', get: 'GET_XSAVE', set: 'SET_XSAVE', bytes: size.xsave },
  { name: 'lapic', get: 'GET_LAPIC', set: 'SET_LAPIC', bytes: size.lapic },
  { name: 'debug', get: 'GET_DEBUGREGS', set: 'SET_DEBUGREGS', bytes: size.debugregs },
  { name: 'events', get: 'GET_VCPU_EVENTS', set: 'SET_VCPU_EVENTS', bytes: size.events },
  { name: 'mp', get: 'GET_MP_STATE', set: 'SET_MP_STATE', bytes: 4 },
] as const;
type StructureName = (typeof structures)[number]['name'];

/** SDM 4, table 2-2, and KVM's own (Documentation/virt/kvm/x86/msr.rst). */
export const msr = {
  tsc: 0x10,
  tscAdjust: 0x3b,
  sysenterCs: 0x174,
  sysenterEsp: 0x175,
  sysenterEip: 0x176,
  miscEnable: 0x1a0,
  pat: 0x277,
  mtrrDefType: 0x2ff,
  tscDeadline: 0x6e0,
  kvmWallClock: 0x4b564d00,
  kvmSystemTime: 0x4b564d01,
  kvmPvEoi: 0x4b564d04,
  star: 0xc0000081,
  lstar: 0xc0000082,
  cstar: 0xc0000083,
  sfmask: 0xc0000084,
  kernelGsBase: 0xc0000102,
  tscAux: 0xc0000103,
} as const;

export const mtrrVariable: readonly number[] = Array.from({ length: 16 }, (_, i) => 0x200 + i);
export const mtrrFixed: readonly number[] = [
  ...[0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f],
];

/** Where the structures of a call are put in the vCPU's part of the shared memory. */
const at = 0x2000;

export interface KvmRegisterImage {
  readonly structures: Readonly<Record<StructureName, Uint8Array>>;
  readonly msrs: ReadonlyMap<number, bigint>;
}

/** Segments in struct kvm_sregs. */
const segmentOrder = ['cs', 'ds', 'es', 'fs', 'gs', 'ss', 'tr', 'ldt'] as const;
export const sregs = {
  segment: (name: (typeof segmentOrder)[number]): number => segmentOrder.indexOf(name) * 24,
  gdt: 192,
  idt: 208,
  cr0: 224,
  cr2: 232,
  cr3: 240,
  cr4: 248,
  cr8: 256,
  efer: 264,
  apicBase: 272,
} as const;

/** Byte offsets in struct kvm_regs. */
export const regs = { rax: 0, rbx: 8, rsi: 32, rdi: 40, rsp: 48, rip: 128, rflags: 136 } as const;

export interface Segment {
  readonly selector: number;
  readonly base: bigint;
  readonly limit: number;
  /** As VMX access rights (SDM 3C table 25-2). */
  readonly attributes: number;
}

export class KvmRegisters {
  readonly #vm: KvmVm;
  readonly #fd: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #address: number;
  /** Those of the list that this host's KVM knows. */
  readonly #msrs: readonly number[];
  /** KVM has no XCRs on a processor without XSAVE. */
  readonly #hasXcrs: boolean;

  /** `area`: the vCPU's part of the shared memory. */
  constructor(vm: KvmVm, vcpuFd: number, area: Uint8Array) {
    this.#vm = vm;
    this.#fd = vcpuFd;
    this.#bytes = area.subarray(at);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    this.#address = vm.addressOf(this.#bytes);
    this.#hasXcrs = vm.has('XCRS');
    this.#msrs = [...Object.values(msr), ...mtrrVariable, ...mtrrFixed].filter(
      (number) => number !== msr.tsc && this.getMsr(number) !== undefined,
    );
  }

  get(name: StructureName): DataView {
    const { get, bytes } = structureOf(name);
    this.#bytes.fill(0, 0, bytes);
    if (this.#has(name)) this.#vm.ioctl(this.#fd, get, this.#address);
    return new DataView(Uint8Array.from(this.#bytes.subarray(0, bytes)).buffer);
  }

  set(name: StructureName, value: DataView | Uint8Array): void {
    this.#bytes.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    if (this.#has(name)) this.#vm.ioctl(this.#fd, structureOf(name).set, this.#address);
  }

  #has(name: StructureName): boolean {
    return name !== 'xcrs' || this.#hasXcrs;
  }

  /** Undefined for one that KVM does not have. */
  getMsr(number: number): bigint | undefined {
    this.#msr(number, 0n);
    const done = this.#vm.calls.call('ioctl', this.#fd, request.GET_MSRS, this.#address);
    return done === 1 ? this.#view.getBigUint64(16, true) : undefined;
  }

  /** False if KVM does not take that. */
  setMsr(number: number, value: bigint): boolean {
    this.#msr(number, value);
    return this.#vm.calls.call('ioctl', this.#fd, request.SET_MSRS, this.#address) === 1;
  }

  #msr(number: number, value: bigint): void {
    this.#bytes.fill(0, 0, 24);
    this.#view.setUint32(0, 1, true);
    this.#view.setUint32(8, number, true);
    this.#view.setBigUint64(16, value, true);
  }

  take(): KvmRegisterImage {
    const image = Object.fromEntries(
      structures.map(({ name }) => [name, new Uint8Array(this.get(name).buffer)]),
    ) as Record<StructureName, Uint8Array>;
    const msrs = new Map(this.#msrs.map((number) => [number, this.getMsr(number) ?? 0n]));
    return { structures: image, msrs };
  }

  /** Throws HostCallError. */
  put(image: KvmRegisterImage): void {
    for (const { name } of structures) {
      this.set(name, image.structures[name]);
      // Behind the control registers and the APIC's base, in front of the timer's registers.
      if (name !== 'sregs') continue;
      for (const [number, value] of image.msrs)
        if (number !== msr.tscDeadline) this.#mustSetMsr(number, value);
    }
    const deadline = image.msrs.get(msr.tscDeadline);
    if (deadline !== undefined && deadline !== 0n) this.#mustSetMsr(msr.tscDeadline, deadline);
  }

  #mustSetMsr(number: number, value: bigint): void {
    if (!this.setMsr(number, value))
      throw new HostCallError(`KVM_SET_MSRS of ${number.toString(16)}`, 22);
  }

  /** Registers of a loader on top of those of a reset. */
  enter(entry: EntryState): void {
    const state = this.get('sregs');
    if (entry.gdt !== undefined) {
      state.setBigUint64(sregs.gdt, BigInt(entry.gdt.base), true);
      state.setUint16(sregs.gdt + 8, entry.gdt.limit, true);
    }
    if (entry.mode === 'real16') {
      for (const name of ['cs', 'ds', 'es', 'fs', 'gs', 'ss'] as const) {
        const selector = (name === 'cs' ? entry.cs : entry.ds) ?? 0;
        const [base, attributes] = [BigInt(selector * 16), name === 'cs' ? 0x9b : 0x93];
        putSegment(state, name, { selector, base, limit: 0xffff, attributes });
      }
    } else {
      const long = entry.mode === 'long64';
      for (const name of ['cs', 'ds', 'es', 'fs', 'gs', 'ss'] as const) {
        const code = name === 'cs';
        putSegment(state, name, {
          selector: code ? 0x10 : 0x18,
          base: 0n,
          limit: 0xffffffff,
          attributes: !code ? 0xc093 : long ? 0xa09b : 0xc09b,
        });
      }
      putSegment(state, 'tr', { selector: 0, base: 0n, limit: 0x67, attributes: 0x8b });
      // PE and ET; caches on.
      state.setBigUint64(sregs.cr0, long ? 0x80000011n : 0x11n, true);
      if (long) {
        // PAE; LME and LMA.
        state.setBigUint64(sregs.cr4, 0x20n, true);
        state.setBigUint64(sregs.cr3, BigInt(entry.cr3 ?? 0), true);
        state.setBigUint64(sregs.efer, 0x500n, true);
      }
    }
    this.set('sregs', state);
    const general = this.get('regs');
    for (const name of ['rax', 'rbx', 'rsi', 'rdi', 'rsp', 'rip'] as const) {
      const value = entry[name];
      if (value !== undefined) general.setBigUint64(regs[name], BigInt(value), true);
    }
    this.set('regs', general);
  }
}

function structureOf(name: StructureName): (typeof structures)[number] {
  const found = structures.find((structure) => structure.name === name);
  if (found === undefined) throw new Error(`no structure ${name}`);
  return found;
}

/** Bits of the access rights, in the order of struct kvm_segment's bytes from offset 14. */
const rights = [
  { shift: 0, mask: 15 },
  { shift: 7, mask: 1 },
  { shift: 5, mask: 3 },
  { shift: 14, mask: 1 },
  { shift: 4, mask: 1 },
  { shift: 13, mask: 1 },
  { shift: 15, mask: 1 },
  { shift: 12, mask: 1 },
  { shift: 16, mask: 1 },
] as const;

export function putSegment(
  state: DataView,
  name: (typeof segmentOrder)[number],
  { selector, base, limit, attributes }: Segment,
): void {
  const start = sregs.segment(name);
  state.setBigUint64(start, base, true);
  state.setUint32(start + 8, limit, true);
  state.setUint16(start + 12, selector, true);
  rights.forEach(({ shift, mask }, i) =>
    state.setUint8(start + 14 + i, (attributes >>> shift) & mask),
  );
}

export function segmentIn(state: DataView, name: (typeof segmentOrder)[number]): Segment {
  const start = sregs.segment(name);
  return {
    base: state.getBigUint64(start, true),
    limit: state.getUint32(start + 8, true),
    selector: state.getUint16(start + 12, true),
    attributes: rights.reduce(
      (sum, { shift }, i) => sum + state.getUint8(start + 14 + i) * 2 ** shift,
      0,
    ),
  };
}
