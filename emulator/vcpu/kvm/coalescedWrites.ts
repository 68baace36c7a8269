/**
 * Writes that KVM keeps in a ring instead of leaving KVM_RUN for each (api.rst, KVM_REGISTER_COALESCED_MMIO): those of memory where a
 * chip has no effect of a write that the guest could see before its next access of another kind, as in VGA's planar modes.
 */
import type { VcpuHost } from '../vcpu.ts';
import { serveWrite } from './kvmAccesses.ts';
import type { KvmVm } from './kvmVm.ts';

/** struct kvm_coalesced_mmio_ring: first, last, then entries of 24 bytes in the rest of the page. */
const ring = { first: 0, last: 4, entries: 8, entrySize: 24 } as const;
const entry = { address: 0, length: 8, data: 16 } as const;
const pageSize = 4096;
const ringEntries = Math.floor((pageSize - ring.entries) / ring.entrySize);

export interface Zone {
  /** Guest physical start and bytes. */
  readonly start: number;
  readonly size: number;
}

export class CoalescedWrites {
  readonly #host: VcpuHost;
  readonly #view: DataView;
  /** The kernel writes `last` on other threads. */
  readonly #words: Int32Array;
  #taken = 0;

  /** `runArea`: where the first vCPU is mapped; `ringPage`: of it. Throws HostCallError. */
  constructor(vm: KvmVm, runArea: Uint8Array, ringPage: number, zone: Zone, host: VcpuHost) {
    this.#host = host;
    const at = runArea.byteOffset + ringPage * pageSize;
    this.#view = new DataView(runArea.buffer, at, pageSize);
    this.#words = new Int32Array(runArea.buffer, at, 2);
    vm.coalesce(zone);
  }

  /** Hands the writes over to the devices, in the order in which they were made. Before any other access is served, or a state looked at. */
  take(): void {
    let first = Atomics.load(this.#words, ring.first / 4);
    while (first !== Atomics.load(this.#words, ring.last / 4)) {
      const at = ring.entries + first * ring.entrySize;
      const address = Number(this.#view.getBigUint64(at + entry.address, true));
      serveWrite(
        this.#view,
        at + entry.data,
        { address, length: this.#view.getUint32(at + entry.length, true) },
        this.#host,
      );
      this.#taken++;
      first = (first + 1) % ringEntries;
      Atomics.store(this.#words, ring.first / 4, first);
    }
  }

  /** Since creation. */
  get taken(): number {
    return this.#taken;
  }
}
