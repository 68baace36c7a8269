/** A range of guest physical memory that the CPU reaches directly, in the shared wasm memory. */
export interface MemorySlot {
  /** Guest physical start and size in bytes, both multiples of 4096. */
  readonly start: number;
  readonly size: number;
  /** Byte offset of the slot in the wasm memory, a multiple of 4096. */
  readonly offset: number;
  /** ROM: writes go to VcpuHost.memoryWrite. */
  readonly readOnly: boolean;
}
