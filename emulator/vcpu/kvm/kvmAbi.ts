/**
 * The part of KVM's interface that the engine uses: Documentation/virt/kvm/api.rst and include/uapi/linux/kvm.h of Linux 6.1.
 * Requests are the numbers that the header's macros give on x86-64.
 */

export const KVM_API_VERSION = 12;

export const request = {
  GET_API_VERSION: 0xae00,
  CREATE_VM: 0xae01,
  GET_MSR_INDEX_LIST: 0xc004ae02,
  CHECK_EXTENSION: 0xae03,
  GET_VCPU_MMAP_SIZE: 0xae04,
  GET_SUPPORTED_CPUID: 0xc008ae05,
  CREATE_VCPU: 0xae41,
  GET_DIRTY_LOG: 0x4010ae42,
  SET_USER_MEMORY_REGION: 0x4020ae46,
  SET_TSS_ADDR: 0xae47,
  SET_IDENTITY_MAP_ADDR: 0x4008ae48,
  REGISTER_COALESCED_MMIO: 0x4010ae67,
  SET_GSI_ROUTING: 0x4008ae6a,
  SET_CLOCK: 0x4030ae7b,
  GET_CLOCK: 0x8030ae7c,
  RUN: 0xae80,
  GET_REGS: 0x8090ae81,
  SET_REGS: 0x4090ae82,
  GET_SREGS: 0x8138ae83,
  SET_SREGS: 0x4138ae84,
  INTERRUPT: 0x4004ae86,
  GET_MSRS: 0xc008ae88,
  SET_MSRS: 0x4008ae89,
  SET_SIGNAL_MASK: 0x4004ae8b,
  GET_LAPIC: 0x8400ae8e,
  SET_LAPIC: 0x4400ae8f,
  SET_CPUID2: 0x4008ae90,
  GET_MP_STATE: 0x8004ae98,
  SET_MP_STATE: 0x4004ae99,
  GET_VCPU_EVENTS: 0x8040ae9f,
  SET_VCPU_EVENTS: 0x4040aea0,
  GET_XSAVE: 0x9000aea4,
  SET_XSAVE: 0x5000aea5,
  GET_DEBUGREGS: 0x8080aea1,
  SET_DEBUGREGS: 0x4080aea2,
  GET_XCRS: 0x8188aea6,
  SET_XCRS: 0x4188aea7,
  SET_TSC_KHZ: 0xaea2,
  GET_TSC_KHZ: 0xaea3,
  ENABLE_CAP: 0x4068aea3,
  SIGNAL_MSI: 0x4020aea5,
  X86_SET_MSR_FILTER: 0x4188aec6,
} as const;

export const capability = {
  MP_STATE: 14,
  /** Its value is the page of a mapped vCPU that has the ring. */
  COALESCED_MMIO: 15,
  IRQ_ROUTING: 25,
  VCPU_EVENTS: 41,
  ADJUST_CLOCK: 39,
  DEBUGREGS: 50,
  XSAVE: 55,
  XCRS: 56,
  TSC_CONTROL: 60,
  TSC_DEADLINE_TIMER: 72,
  SIGNAL_MSI: 77,
  READONLY_MEM: 81,
  SPLIT_IRQCHIP: 121,
  IMMEDIATE_EXIT: 136,
  X86_MSR_FILTER: 189,
} as const;

/** What the engine cannot do without, with the kernel that brought the last of them: 4.13. */
export const needed = [
  'MP_STATE',
  'IRQ_ROUTING',
  'VCPU_EVENTS',
  'DEBUGREGS',
  'XSAVE',
  'SIGNAL_MSI',
  'READONLY_MEM',
  'SPLIT_IRQCHIP',
  'IMMEDIATE_EXIT',
] as const;

export const exitReason = {
  IO: 2,
  HLT: 5,
  MMIO: 6,
  IRQ_WINDOW_OPEN: 7,
  SHUTDOWN: 8,
  FAIL_ENTRY: 9,
  INTR: 10,
  INTERNAL_ERROR: 17,
  SYSTEM_EVENT: 24,
  IOAPIC_EOI: 26,
} as const;

/** struct kvm_run. */
export const run = {
  requestInterruptWindow: 0,
  immediateExit: 1,
  exitReason: 8,
  readyForInterrupt: 12,
  ifFlag: 13,
  cr8: 16,
  apicBase: 24,
  io: { out: 32, size: 33, port: 34, count: 36, dataOffset: 40 },
  mmio: { address: 32, data: 40, length: 48, isWrite: 52 },
  failEntry: { reason: 32 },
  internal: { suberror: 32, count: 36, data: 40 },
  eoi: { vector: 32 },
} as const;

export const MEM_LOG_DIRTY_PAGES = 1;
export const MEM_READONLY = 2;

export const MP_STATE_RUNNABLE = 0;
export const MP_STATE_HALTED = 3;

/** Sizes of structures in bytes. */
export const size = {
  regs: 144,
  sregs: 312,
  xsave: 4096,
  xcrs: 392,
  lapic: 1024,
  events: 64,
  debugregs: 128,
  clock: 48,
  cpuidEntry: 40,
  routingEntry: 48,
} as const;
