/** A guest's accesses to ports and to memory without a slot, as KVM hands them over (Documentation/virt/kvm/api.rst, "The kvm_run structure"). */
import type { VcpuHost } from '../vcpu.ts';
import { run } from './kvmAbi.ts';

/** Completes KVM_EXIT_IO on the machine's devices. `state`: struct kvm_run. */
export function servePort(state: DataView, host: VcpuHost): void {
  const width = state.getUint8(run.io.size) as 1 | 2 | 4;
  const port = state.getUint16(run.io.port, true);
  const count = state.getUint32(run.io.count, true);
  const out = state.getUint8(run.io.out) !== 0;
  let data = Number(state.getBigUint64(run.io.dataOffset, true));
  for (let i = 0; i < count; i++, data += width) {
    if (out) host.portWrite(port, width, read(state, data, width));
    else write(state, data, width, host.portRead(port, width));
  }
}

/** Completes KVM_EXIT_MMIO on the machine's devices. `state`: struct kvm_run. */
export function serveMemory(state: DataView, host: VcpuHost): void {
  const address = Number(state.getBigUint64(run.mmio.address, true));
  const length = state.getUint32(run.mmio.length, true);
  if (state.getUint8(run.mmio.isWrite) !== 0) {
    serveWrite(state, run.mmio.data, { address, length }, host);
    return;
  }
  for (const { done, width } of widths(length))
    write(state, run.mmio.data + done, width, host.memoryRead(address + done, width));
}

/** Hands a write of up to 8 bytes, which `view` has at `data`, to the machine's devices. */
export function serveWrite(
  view: DataView,
  data: number,
  { address, length }: { readonly address: number; readonly length: number },
  host: VcpuHost,
): void {
  for (const { done, width } of widths(length))
    host.memoryWrite(address + done, width, read(view, data + done, width));
}

/** An access in parts as devices take them. */
function* widths(length: number): Generator<{ readonly done: number; readonly width: 1 | 2 | 4 }> {
  for (let done = 0; done < length;) {
    const left = length - done;
    const width = left >= 4 ? 4 : left >= 2 ? 2 : 1;
    yield { done, width };
    done += width;
  }
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
