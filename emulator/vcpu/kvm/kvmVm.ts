/**
 * A KVM virtual machine: its file descriptors, memory slots on the machine's shared memory, interrupt messages and the
 * routes that make the kernel's local APIC tell of ended level interrupts. The I/O APIC, the 8259 pair and the PIT are the machine's own
 * devices ("split irqchip"); only the local APIC is the kernel's. Structures: Documentation/virt/kvm/api.rst.
 */
import type { ApicMessage } from '../vcpu.ts';
import type { MemorySlot } from '../memorySlots.ts';
import type { GuestMemory } from '../guestMemory.ts';
import { HostCallError, type HostCalls } from './hostCalls.ts';
import { capability, MEM_LOG_DIRTY_PAGES, MEM_READONLY, request, size } from './kvmAbi.ts';

const O_RDWR = 2;
const O_CLOEXEC = 0o2000000;
const AT_FDCWD = -100;
const MADV_HUGEPAGE = 14;
/** Behind all RAM and ROM below 4 GiB, where no chip is: three pages and one that Intel CPUs need for real mode. */
const tssAddress = 0xfeffd000;
const identityMapAddress = 0xfeffc000;
/** A route for each vector, numbered like it. */
const routes = 256;

/** How the engine's own part of the shared memory is used. */
const scratchLayout = {
  vm: { at: 0, size: 0x4000 },
  vcpu: { at: 0x4000, size: 0x8000 },
  /** Where kvm_run is mapped. */
  run: { at: 0x10000, size: 0x10000 },
  bitmap: { at: 0x20000, size: 0x20000 },
} as const;

/** As many pages as the bitmap of a dirty log has bits. */
const mostInSlot = scratchLayout.bitmap.size * 8 * 4096;

interface LiveSlot extends MemorySlot {
  readonly number: number;
  readonly logged: boolean;
}

export class KvmVm {
  readonly calls: HostCalls;
  readonly guest: GuestMemory;
  readonly vmFd: number;
  readonly systemFd: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #base: number;
  readonly #scratch: number;
  #slots: LiveSlot[] = [];
  readonly #levelVectors = new Set<number>();
  /** The part of the memory in which writes are noted. */
  #noted: GuestMemory['all'];
  readonly #opened: number[] = [];

  /** Throws HostCallError. */
  constructor(calls: HostCalls, guest: GuestMemory) {
    this.calls = calls;
    this.guest = guest;
    this.#bytes = new Uint8Array(guest.memory.buffer);
    this.#view = new DataView(guest.memory.buffer);
    this.#noted = guest.video;
    this.#base = calls.addressOf(this.#bytes);
    this.#scratch = guest.hostRegionOf(0);
    try {
      const path = this.area('vm');
      path.set(new TextEncoder().encode('/dev/kvm\0'));
      this.systemFd = this.#open(
        'open /dev/kvm',
        calls.call('openat', AT_FDCWD, this.addressOf(path), O_RDWR | O_CLOEXEC),
      );
      this.vmFd = this.#open('create a VM', calls.call('ioctl', this.systemFd, request.CREATE_VM));
      this.vm('SET_TSS_ADDR', tssAddress);
      this.#setU64(0, identityMapAddress);
      this.vm('SET_IDENTITY_MAP_ADDR', this.#address(0));
      this.#splitIrqChip();
      this.slotsChanged();
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** A part of the shared memory that is the engine's own, or vCPU `index`'s. */
  area(name: keyof typeof scratchLayout, index = 0): Uint8Array {
    const { at, size: length } = scratchLayout[name];
    const start = this.guest.hostRegionOf(index) + at;
    return this.#bytes.subarray(start, start + length);
  }

  addressOf(bytes: Uint8Array): number {
    return this.#base + bytes.byteOffset;
  }

  createVcpu(index: number): number {
    return this.#open(
      'create a vCPU',
      this.calls.call('ioctl', this.vmFd, request.CREATE_VCPU, index),
    );
  }

  system(name: keyof typeof request, argument = 0): number {
    return this.ioctl(this.systemFd, name, argument);
  }

  vm(name: keyof typeof request, argument = 0): number {
    return this.ioctl(this.vmFd, name, argument);
  }

  /** Throws HostCallError. */
  ioctl(fd: number, name: keyof typeof request, argument = 0): number {
    const result = this.calls.call('ioctl', fd, request[name], argument);
    if (result < 0) throw new HostCallError(`KVM_${name}`, -result);
    return result;
  }

  has(name: keyof typeof capability): boolean {
    return this.extent(name) > 0;
  }

  /** What KVM_CHECK_EXTENSION says: 0, or how much there is of it. */
  extent(name: keyof typeof capability): number {
    return this.calls.call('ioctl', this.vmFd, request.CHECK_EXTENSION, capability[name]);
  }

  /** Throws HostCallError. */
  coalesce({ start, size: length }: Pick<MemorySlot, 'start' | 'size'>): void {
    this.#clear(16);
    this.#setU64(0, start);
    this.#view.setUint32(this.#scratch + scratchLayout.vm.at + 8, length, true);
    this.vm('REGISTER_COALESCED_MMIO', this.#address(0));
  }

  #splitIrqChip(): void {
    const at = this.#clear(0x68);
    this.#view.setUint32(at, capability.SPLIT_IRQCHIP, true);
    this.#view.setBigUint64(at + 8, BigInt(routes), true);
    this.vm('ENABLE_CAP', this.#address(0));
  }

  /** Brings KVM's slots in line with the memory's. */
  slotsChanged(): void {
    const wanted = withoutOverlaps(this.guest.slots).flatMap((slot) => pieces(slot, mostInSlot));
    const same = (a: MemorySlot, b: MemorySlot): boolean =>
      a.start === b.start &&
      a.size === b.size &&
      a.offset === b.offset &&
      a.readOnly === b.readOnly;
    this.takeDirty();
    const kept = this.#slots.filter((slot) => wanted.some((other) => same(slot, other)));
    for (const slot of this.#slots) if (!kept.includes(slot)) this.#setSlot({ ...slot, size: 0 });
    this.#slots = kept;
    for (const slot of wanted) {
      if (kept.some((other) => same(slot, other))) continue;
      let number = 0;
      while (this.#slots.some((other) => other.number === number)) number++;
      // Where it is refused, or memory is short, guests run on small pages.
      this.calls.call('madvise', this.#base + slot.offset, slot.size, MADV_HUGEPAGE);
      const live = { ...slot, number, logged: this.#isNoted(slot) };
      this.#setSlot(live);
      this.#slots.push(live);
    }
  }

  #setSlot({ number, start, size: length, offset, readOnly, logged }: LiveSlot): void {
    const at = this.#clear(32);
    this.#view.setUint32(at, number, true);
    this.#view.setUint32(
      at + 4,
      (logged && !readOnly ? MEM_LOG_DIRTY_PAGES : 0) | (readOnly ? MEM_READONLY : 0),
      true,
    );
    this.#setU64(8, start);
    this.#setU64(16, length);
    this.#setU64(24, this.#base + offset);
    this.vm('SET_USER_MEMORY_REGION', this.#address(0));
  }

  /** From now on writes to this part of the memory, and to no other, are noted in its map by takeDirty(). */
  noteWrites(area: GuestMemory['all']): void {
    this.takeDirty();
    this.#noted = area;
    this.#slots = this.#slots.map((slot) => {
      const changed = { ...slot, logged: this.#isNoted(slot) };
      // A slot's log begins empty.
      if (changed.logged !== slot.logged) this.#setSlot(changed);
      return changed;
    });
  }

  #isNoted({ offset }: MemorySlot): boolean {
    return offset >= this.#noted.offset && offset < this.#noted.offset + this.#noted.size;
  }

  /** Notes in the memory's map which of the pages that are to be noted were written since the last call. */
  takeDirty(): void {
    const { offset, written } = this.#noted;
    for (const slot of this.#slots) {
      // Nothing writes to a read-only one.
      if (!slot.logged || slot.readOnly) continue;
      const pages = slot.size / 4096;
      const bitmap = this.area('bitmap').fill(0, 0, Math.ceil(pages / 64) * 8);
      const at = this.#clear(16);
      this.#view.setUint32(at, slot.number, true);
      this.#setU64(8, this.addressOf(bitmap));
      this.vm('GET_DIRTY_LOG', this.#address(0));
      const notes = written + (slot.offset - offset) / 4096;
      for (let byte = 0; byte < Math.ceil(pages / 8); byte++) {
        const bits = bitmap[byte] as number;
        if (bits === 0) continue;
        for (let bit = 0; bit < 8; bit++)
          if ((bits >>> bit) & 1) this.#bytes[notes + 8 * byte + bit] = 1;
      }
    }
  }

  /** Writes a message to the local APICs. */
  signal({ destination, logical, vector, delivery, level }: ApicMessage): void {
    if (level && !this.#levelVectors.has(vector)) {
      this.#levelVectors.add(vector);
      this.#setRoutes();
    }
    const at = this.#clear(32);
    this.#view.setUint32(at, messageAddress(destination & 0xff, logical), true);
    this.#view.setUint32(at + 4, destination & 0xffffff00, true);
    this.#view.setUint32(at + 8, messageData(vector, delivery, level), true);
    // Refused by an APIC that is off: as on a real bus, nobody takes it.
    this.calls.call('ioctl', this.vmFd, request.SIGNAL_MSI, this.#address(0));
  }

  /** These vectors are level-triggered ones that a loaded state has under way: their ends are to come back. */
  expectEnds(vectors: readonly number[]): void {
    for (const vector of vectors) this.#levelVectors.add(vector);
    this.#setRoutes();
  }

  /** Sets the time that kvmclock shows. */
  setClock(ns: bigint): void {
    this.#clear(size.clock);
    this.#view.setBigUint64(this.#scratch + scratchLayout.vm.at, ns, true);
    this.vm('SET_CLOCK', this.#address(0));
  }

  /**
   * The kernel reports the end of a vector only if a level-triggered route has it: one for each vector that ever came so,
   * to all CPUs.
   */
  #setRoutes(): void {
    const vectors = [...this.#levelVectors];
    const at = this.#clear(8 + size.routingEntry * vectors.length);
    this.#view.setUint32(at, vectors.length, true);
    vectors.forEach((vector, i) => {
      const entry = at + 8 + i * size.routingEntry;
      this.#view.setUint32(entry, vector, true);
      // KVM_IRQ_ROUTING_MSI
      this.#view.setUint32(entry + 4, 2, true);
      this.#view.setUint32(entry + 16, messageAddress(0xff, false), true);
      this.#view.setUint32(entry + 24, messageData(vector, 0, true), true);
    });
    this.vm('SET_GSI_ROUTING', this.#address(0));
  }

  dispose(): void {
    for (const fd of this.#opened.splice(0).reverse()) this.calls.call('close', fd);
  }

  #open(what: string, fd: number): number {
    if (fd < 0) throw new HostCallError(what, -fd);
    this.#opened.push(fd);
    return fd;
  }

  #clear(length: number): number {
    this.area('vm').fill(0, 0, length);
    return this.#scratch + scratchLayout.vm.at;
  }

  #address(offset: number): number {
    return this.#base + this.#scratch + scratchLayout.vm.at + offset;
  }

  #setU64(offset: number, value: number): void {
    this.#view.setBigUint64(this.#scratch + scratchLayout.vm.at + offset, BigInt(value), true);
  }
}

const messageAddress = (destination: number, logical: boolean): number =>
  (0xfee00000 | (destination << 12) | (logical ? 4 : 0)) >>> 0;
const messageData = (vector: number, delivery: number, level: boolean): number =>
  vector | (delivery << 8) | (level ? 0xc000 : 0);

/** A slot in parts of at most `most` bytes. */
export function pieces(slot: MemorySlot, most: number): readonly MemorySlot[] {
  return Array.from({ length: Math.ceil(slot.size / most) }, (_, i) => ({
    ...slot,
    start: slot.start + i * most,
    size: Math.min(most, slot.size - i * most),
    offset: slot.offset + i * most,
  }));
}

/** The same memory in slots that do not overlap: what was mapped first wins. */
export function withoutOverlaps(slots: readonly MemorySlot[]): readonly MemorySlot[] {
  const result: MemorySlot[] = [];
  for (const slot of slots) {
    let parts: MemorySlot[] = [slot];
    for (const taken of [...result]) {
      const end = taken.start + taken.size;
      parts = parts.flatMap((part) => {
        const partEnd = part.start + part.size;
        if (partEnd <= taken.start || part.start >= end) return [part];
        const left: MemorySlot[] = [];
        if (part.start < taken.start) left.push({ ...part, size: taken.start - part.start });
        if (partEnd > end)
          left.push({
            ...part,
            start: end,
            size: partEnd - end,
            offset: part.offset + (end - part.start),
          });
        return left;
      });
    }
    result.push(...parts);
  }
  return result;
}
