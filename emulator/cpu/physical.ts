/**
 * Guest physical memory: slots in the shared memory, the local APIC's page, and the host for all else
 * (docs/engine.md). 64-bit device accesses are split, low half first.
 */
import { hostMemoryRead, hostMemoryWrite } from './host';
import { lapicRead, lapicWrite } from './lapicRegisters';
import {
  OFF_APIC_BASE,
  OFF_COUNT_MMIO,
  OFF_SLOTS,
  OFF_SLOT_COUNT,
  OFF_VIDEO_SIZE,
  OFF_VIDEO_START,
  OFF_VIDEO_WRITTEN,
  SLOT_SIZE,
} from './layout';
import { CPU } from './state';
import { codeWritten } from './blocks';
import { isCode } from './tlb';

/** Slot flag: ROM. */
const READ_ONLY: u32 = 1;
/** IA32_APIC_BASE: xAPIC enabled without x2APIC (SDM 3A §10.12.1). */
const APIC_MODE_MASK: u64 = 0xc00;
const APIC_XAPIC: u64 = 0x800;

/** Address in the wasm memory of guest physical `address`, or 0 where no slot is. */
export function hostAddressOf(address: u64): u32 {
  let slot = CPU + OFF_SLOTS;
  const end = slot + <usize>load<u32>(CPU, OFF_SLOT_COUNT) * SLOT_SIZE;
  for (; slot < end; slot += SLOT_SIZE) {
    const offset = address - load<u64>(slot);
    if (offset < load<u64>(slot, 8)) return <u32>offset + load<u32>(slot, 16);
  }
  return 0;
}

/** The same for writing: 0 for ROM too. */
export function hostAddressForWrite(address: u64): u32 {
  let slot = CPU + OFF_SLOTS;
  const end = slot + <usize>load<u32>(CPU, OFF_SLOT_COUNT) * SLOT_SIZE;
  for (; slot < end; slot += SLOT_SIZE) {
    const offset = address - load<u64>(slot);
    if (offset < load<u64>(slot, 8)) {
      return load<u32>(slot, 20) & READ_ONLY ? 0 : <u32>offset + load<u32>(slot, 16);
    }
  }
  return 0;
}

/** Every page of noted memory passes here before it is written for the first time since watchVideo(). */
@inline
export function noteVideoWrite(host: u32): void {
  const offset = host - load<u32>(CPU, OFF_VIDEO_START);
  if (offset < load<u32>(CPU, OFF_VIDEO_SIZE)) {
    store<u8>(<usize>(load<u32>(CPU, OFF_VIDEO_WRITTEN) + (offset >> 12)), 1);
  }
}

/** Whether `address` is in the xAPIC's page. */
export function isLapicPage(address: u64): bool {
  const base = load<u64>(CPU, OFF_APIC_BASE);
  return (base & APIC_MODE_MASK) == APIC_XAPIC && address >> 12 == base >> 12;
}

function countMmio(): void {
  store<u32>(CPU, load<u32>(CPU, OFF_COUNT_MMIO) + 1, OFF_COUNT_MMIO);
}

/** Reads `size` bytes (1..8, any alignment, within a page) from what is not RAM. */
export function deviceRead(address: u64, size: i32): u64 {
  countMmio();
  if (isLapicPage(address)) {
    // Only the aligned dword of each 16 bytes is defined (SDM 3A §10.4.1); narrower reads give its bytes.
    const dword = lapicRead(<u32>address & 0xff0);
    return (address & 0xf) + size <= 4 ? (<u64>dword >> ((address & 3) << 3)) & sizeMask(size) : 0;
  }
  if (size == 8) {
    const low = <u64>hostMemoryRead(<f64>address, 4);
    return low | (<u64>hostMemoryRead(<f64>(address + 4), 4) << 32);
  }
  if (size == 1 || size == 2 || size == 4) return <u64>hostMemoryRead(<f64>address, size);
  let value: u64 = 0;
  for (let i = 0; i < size; i++) {
    value |= <u64>(hostMemoryRead(<f64>(address + i), 1) & 0xff) << (<u64>i << 3);
  }
  return value;
}

export function deviceWrite(address: u64, value: u64, size: i32): void {
  countMmio();
  if (isLapicPage(address)) {
    if ((address & 0xf) == 0 && size >= 4) lapicWrite(<u32>address & 0xff0, <u32>value);
    return;
  }
  if (size == 8) {
    hostMemoryWrite(<f64>address, 4, <u32>value);
    hostMemoryWrite(<f64>(address + 4), 4, <u32>(value >> 32));
  } else if (size == 1 || size == 2 || size == 4) {
    hostMemoryWrite(<f64>address, size, <u32>value);
  } else {
    for (let i = 0; i < size; i++) {
      hostMemoryWrite(<f64>(address + i), 1, <u32>(value >> (<u64>i << 3)) & 0xff);
    }
  }
}

@inline
function sizeMask(size: i32): u64 {
  return size >= 8 ? ~(<u64>0) : ((<u64>1) << (<u64>size << 3)) - 1;
}

/** Little-endian read of `size` bytes (1..8) within a page. */
export function physicalRead(address: u64, size: i32): u64 {
  const host = <usize>hostAddressOf(address);
  if (!host) return deviceRead(address, size);
  if (size == 8) return load<u64>(host);
  if (size == 4) return load<u32>(host);
  if (size == 2) return load<u16>(host);
  if (size == 1) return load<u8>(host);
  let value: u64 = 0;
  for (let i = 0; i < size; i++) value |= <u64>load<u8>(host + i) << (<u64>i << 3);
  return value;
}

export function physicalWrite(address: u64, value: u64, size: i32): void {
  const host = <usize>hostAddressForWrite(address);
  if (!host) {
    deviceWrite(address, value, size);
    return;
  }
  noteVideoWrite(<u32>host);
  if (size == 8) store<u64>(host, value);
  else if (size == 4) store<u32>(host, <u32>value);
  else if (size == 2) store<u16>(host, <u16>value);
  else if (size == 1) store<u8>(host, <u8>value);
  else for (let i = 0; i < size; i++) store<u8>(host + i, <u8>(value >> (<u64>i << 3)));
  if (isCode(host)) codeWritten(<u32>host, size);
}
