/**
 * Layout of a vCPU's region in the shared wasm memory: offsets from CPU, the address of its state block.
 *
 * No type annotations and no imports, so that tsc (vcpu/wasm, isa/gen, tests) and asc both take this file.
 * Registers named as in SDM 1 §3 and 3A §2. Helpers that need fields of their own append to their block.
 */

/** The core's static data: [CORE_STATIC_BASE, CORE_STATIC_END) of the memory. */
export const CORE_STATIC_BASE = 0x1000;
export const CORE_STATIC_END = 0x200000;

// --- Hot state ---------------------------------------------------------------------------------

/** 16 general registers, u64 each, in encoding order: RAX RCX RDX RBX RSP RBP RSI RDI R8..R15. */
export const OFF_GPR = 0x000;
/** u64. While a block runs: its start; exact at block ends and when a fault is delivered. */
export const OFF_RIP = 0x080;
/** u64 that is always zero: stands for an absent base or index register. */
export const OFF_ZERO = 0x088;
/** u64. System flags and DF; CF PF AF ZF SF OF live in the lazy fields (cpu/flags.ts joins them). */
export const OFF_RFLAGS = 0x090;
/** u64 each: the lazy status flags, see cpu/flags.ts. */
export const OFF_FLAG_CARRY = 0x098;
export const OFF_FLAG_RESULT = 0x0b0;
/** u32, PENDING_*: nonzero means that the loop must call serviceEvents() before the next block. */
export const OFF_PENDING = 0x0b8;
/** u32: 0, or 1 + vector of the fault that the running instruction raised. */
export const OFF_FAULT = 0x0bc;
/** u64: context number in the low 12 bits of the tags that match now. */
export const OFF_TLB_CONTEXT = 0x0c0;
/** u32, MODE_*: what decoding depends on. */
export const OFF_MODE = 0x0c8;
/** u32: current privilege level, 0..3. */
export const OFF_CPL = 0x0cc;
/** u64: value of INSTRET at which the slice is over; the loop owns it. */
export const OFF_SLICE_END = 0x0d0;
/** u64: retired instructions, exact at block ends. */
export const OFF_INSTRET = 0x0d8;
/** u32 error code of the noted fault, u32 whether it has one. */
export const OFF_FAULT_CODE = 0x0e0;
export const OFF_FAULT_HAS_CODE = 0x0e4;
/** u32: 1 while exactly one instruction runs (trap flag, breakpoints, interrupt shadow): one REP iteration at a time. */
export const OFF_STEPPING = 0x0e8;
/** u32: EXIT_* that serviceEvents or a helper asks run() to return. */
export const OFF_EXIT_REASON = 0x0ec;
/** u64: linear IP of the instruction being executed, only for helpers that say so. */
export const OFF_SCRATCH = 0x0f0;

/**
 * Segment caches, SEG_SIZE bytes each, in encoding order ES CS SS DS FS GS, then LDTR, TR.
 * +0 base u64, +8 limit u32 in bytes (expanded), +12 attributes u32, +16 selector u32.
 */
export const OFF_SEG = 0x100;
export const SEG_SIZE = 32;
export const SEG_BASE = 0;
export const SEG_LIMIT = 8;
export const SEG_ATTR = 12;
export const SEG_SELECTOR = 16;
export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;
export const LDTR = 6;
export const TR = 7;
/** Attributes as in VMX access rights (SDM 3C table 25-2). */
export const ATTR_TYPE = 0x0f;
export const ATTR_S = 0x10;
export const ATTR_DPL_SHIFT = 5;
export const ATTR_P = 0x80;
export const ATTR_AVL = 0x1000;
export const ATTR_L = 0x2000;
export const ATTR_DB = 0x4000;
export const ATTR_G = 0x8000;
export const ATTR_UNUSABLE = 0x10000;
/** Type bits of code and data segments in there (SDM 3A §3.4.5.1). */
export const TYPE_CODE = 8;
export const TYPE_CONFORMING = 4;
export const TYPE_EXPAND_DOWN = 4;
export const TYPE_WRITABLE = 2;
export const TYPE_READABLE = 2;

/** 16 XMM registers, 16 bytes each. */
export const OFF_XMM = 0x200;
/** 8 physical x87 registers, 16 bytes each: u64 significand, u16 sign and exponent at +8. MMX is the significand. */
export const OFF_X87 = 0x300;
export const OFF_FPU_CONTROL = 0x380;
/** u32: status word without TOP. */
export const OFF_FPU_STATUS = 0x384;
/** u32: TOP, 0..7. */
export const OFF_FPU_TOP = 0x388;
/** u32: bit i set = physical register i is empty. */
export const OFF_FPU_EMPTY = 0x38c;
/** Last instruction: u64 offset, u64 operand offset, u32 selectors, u32 opcode (11 bits). */
export const OFF_FPU_FIP = 0x390;
export const OFF_FPU_FDP = 0x398;
export const OFF_FPU_FCS = 0x3a0;
export const OFF_FPU_FDS = 0x3a4;
export const OFF_FPU_FOP = 0x3a8;
export const OFF_MXCSR = 0x3ac;
/** 0x3b0..0x3ff: free for cpu/x87*.ts and cpu/sseHelpers*.ts (scratch, not saved). */
export const OFF_FPU_SCRATCH = 0x3b0;

// --- Control state -----------------------------------------------------------------------------

export const OFF_CR0 = 0x400;
export const OFF_CR2 = 0x408;
export const OFF_CR3 = 0x410;
export const OFF_CR4 = 0x418;
/** DR0..DR7, u64 each (4 and 5 unused). */
export const OFF_DR = 0x420;
export const OFF_EFER = 0x460;
export const OFF_STAR = 0x468;
export const OFF_LSTAR = 0x470;
export const OFF_CSTAR = 0x478;
export const OFF_SFMASK = 0x480;
export const OFF_KERNEL_GS_BASE = 0x488;
export const OFF_SYSENTER_CS = 0x490;
export const OFF_SYSENTER_ESP = 0x498;
export const OFF_SYSENTER_EIP = 0x4a0;
export const OFF_PAT = 0x4a8;
export const OFF_TSC_AUX = 0x4b0;
/** i64: added to the counter derived from machine time (IA32_TSC_ADJUST and WRMSR of IA32_TSC). */
export const OFF_TSC_OFFSET = 0x4b8;
export const OFF_TSC_ADJUST = 0x4c0;
export const OFF_MISC_ENABLE = 0x4c8;
export const OFF_APIC_BASE = 0x4d0;
export const OFF_MTRR_DEF_TYPE = 0x4d8;
export const OFF_GDT_BASE = 0x4e0;
export const OFF_GDT_LIMIT = 0x4e8;
export const OFF_IDT_BASE = 0x4f0;
export const OFF_IDT_LIMIT = 0x4f8;
/** u32: interrupt shadow, SHADOW_* (SDM 3A §6.8.3). */
export const OFF_SHADOW = 0x500;
/** u32: NMIs are blocked until IRET; u32: an NMI waits. */
export const OFF_NMI_BLOCKED = 0x504;
export const OFF_NMI_PENDING = 0x508;
/** u32: 1 after HLT until an interrupt; 2 wait-for-SIPI; 3 shut down. */
export const OFF_HALTED = 0x50c;
/** u32: level of the 8259's INTR wire. */
export const OFF_PIC_INTR = 0x510;
/** u32: DR6 bits that a data or I/O breakpoint of the running instruction has set. */
export const OFF_DEBUG_HITS = 0x514;
/** u32: TF as it was before the instruction that is being stepped. */
export const OFF_STEP_TF = 0x518;
/** u32: delivery of an event is under way: 0 none, else 1 + its vector (for double faults). */
export const OFF_DELIVERING = 0x51c;
/** u32: the event under way was not caused by the program itself (EXT bit of error codes). */
export const OFF_EXTERNAL = 0x520;
/** u32: kind and f64s of an engine failure, for VcpuExit.detail (FAILURE_*). */
export const OFF_FAILURE = 0x524;
export const OFF_FAILURE_VALUE = 0x528;
/** f64: TSC ticks per nanosecond. */
export const OFF_TSC_PER_NS = 0x530;
/** u32: TSC in kHz, for kvmclock's multiplier. */
export const OFF_TSC_KHZ = 0x538;
/** u32: APIC ID given at creation. */
export const OFF_APIC_ID = 0x53c;
/** u32 per-page map of code, one byte per 4 KiB of wasm memory: nonzero = decoded code lies there. Address. */
export const OFF_CODE_MAP = 0x540;
/** u32: 1 = data accesses must be checked (alignment check or data breakpoints): no TLB entry matches. */
export const OFF_CHECKED_ACCESS = 0x544;
/** PAE page-directory-pointer registers, 4 × u64 (SDM 3A §4.4.1). */
export const OFF_PDPTE = 0x548;
/** u32: next TLB generation. */
export const OFF_TLB_NEXT = 0x568;
/** u32: data accesses of this instruction run as supervisor whatever CPL is (descriptor tables). */
export const OFF_TLB_USER_CONTEXT = 0x56c;
/** u32 counters: TLB fills, flushes, MMIO, port accesses, interrupts, exceptions. */
export const OFF_COUNT_TLB_FILLS = 0x570;
export const OFF_COUNT_TLB_FLUSHES = 0x574;
export const OFF_COUNT_MMIO = 0x578;
export const OFF_COUNT_PORT = 0x57c;
export const OFF_COUNT_INTERRUPTS = 0x580;
export const OFF_COUNT_EXCEPTIONS = 0x584;
export const OFF_COUNT_CODE_WRITES = 0x588;
/** u32: RTM of the triple fault: vectors, for its message. */
export const OFF_TRIPLE_VECTOR = 0x58c;

/** u32: 1 = the noted #GP is for a non-canonical data address: the loop makes it #SS for stack references. */
export const OFF_FAULT_NONCANONICAL = 0x590;

/** u32: wasm address and bytes of video memory, and of its map: a byte per 4 KiB page, 1 = written. */
export const OFF_VIDEO_START = 0x594;
export const OFF_VIDEO_SIZE = 0x598;
export const OFF_VIDEO_WRITTEN = 0x59c;

/** u64: RIP behind the STI that cast SHADOW_STI; the shadow holds while RIP is there. */
export const OFF_SHADOW_RIP = 0x5c0;

/** KVM paravirtual MSRs (Documentation/virt/kvm/x86/msr.rst). */
export const OFF_KVM_SYSTEM_TIME = 0x5a0;
export const OFF_KVM_WALL_CLOCK = 0x5a8;
export const OFF_KVM_PV_EOI = 0x5b0;
/** u32: the interrupt in service may be ended by clearing bit 0 of the guest's PV EOI word. */
export const OFF_KVM_EOI_ACTIVE = 0x5b8;
export const OFF_KVM_VERSION = 0x5bc;

// --- Local APIC (SDM 3A §10) -------------------------------------------------------------------

/** 256 bits each as 8 × u32. */
export const OFF_LAPIC_IRR = 0x600;
export const OFF_LAPIC_ISR = 0x620;
export const OFF_LAPIC_TMR = 0x640;
/** LVT: timer, thermal, performance, LINT0, LINT1, error; u32 each. */
export const OFF_LAPIC_LVT = 0x660;
export const OFF_LAPIC_TPR = 0x680;
export const OFF_LAPIC_LDR = 0x684;
export const OFF_LAPIC_DFR = 0x688;
export const OFF_LAPIC_SVR = 0x68c;
export const OFF_LAPIC_ESR = 0x690;
export const OFF_LAPIC_ESR_NEW = 0x694;
export const OFF_LAPIC_ICR = 0x698;
export const OFF_LAPIC_ICR_HIGH = 0x69c;
export const OFF_LAPIC_TIMER_INITIAL = 0x6a0;
export const OFF_LAPIC_TIMER_DIVIDE = 0x6a4;
/** f64 machine time in ns: when the count was started, and when the timer fires next (Infinity: never). */
export const OFF_LAPIC_TIMER_START = 0x6a8;
export const OFF_LAPIC_TIMER_NEXT = 0x6b0;
/** u64 IA32_TSC_DEADLINE. */
export const OFF_LAPIC_TSC_DEADLINE = 0x6b8;
/** u32: highest requested and highest in-service vector + 1 are searched only when this is set. */
export const OFF_LAPIC_EXTINT = 0x6c0;

// --- Memory slots, CPUID -----------------------------------------------------------------------

/** u32 count, then SLOT_SIZE bytes each: start u64, size u64, offset u32, flags u32 (1 = read-only). */
export const OFF_SLOT_COUNT = 0x700;
export const OFF_SLOTS = 0x710;
export const SLOT_SIZE = 24;
export const SLOT_MAX = 16;
/** MTRRs (SDM 3A §11.11): 8 pairs of variable ones, then the 11 fixed ones, u64 each. */
export const OFF_MTRR_VARIABLE = 0x890;
export const OFF_MTRR_FIXED = 0x910;
/** u32 count, then CPUID_SIZE bytes each: leaf, subleaf (0xffffffff: any), eax, ebx, ecx, edx. */
export const OFF_CPUID_COUNT = 0xa00;
export const OFF_CPUID = 0xa10;
export const CPUID_SIZE = 24;
export const CPUID_MAX = 60;
/** 0x1000..0x17ff: interpreter, decoder and blocks. */
export const OFF_INTERPRETER = 0x1000;
/** u32 each: next free byte of the arena; counters of blocks decoded, killed, arena resets. */
export const OFF_ARENA_NEXT = 0x1000;
export const OFF_COUNT_BLOCKS = 0x1004;
export const OFF_COUNT_KILLED = 0x1008;
export const OFF_COUNT_RESETS = 0x100c;
/** u32: grows when the arena is emptied, so that a held block address is known to be stale. */
export const OFF_ARENA_EPOCH = 0x1010;
/** 0x1800..0x1fff: more room for x87 and SSE helpers. */
export const OFF_FPU_MORE = 0x1800;
/** 4096 × u16: TLB generation of each PCID, 0 = none. */
export const OFF_PCID_GENERATION = 0x2000;
export const STATE_SIZE = 0x4000;

// --- TLBs: 4096 entries of 16 bytes: u64 tag (linear page | context), u32 addend, u32 tag for 32-bit code, 0 above 4 GiB --

export const TLB_ENTRIES = 4096;
export const TLB_BYTES = 0x10000;
export const OFF_TLB_READ = 0x4000;
export const OFF_TLB_WRITE = 0x14000;
export const OFF_TLB_EXECUTE = 0x24000;
/** Bitmap hashed by 2 MiB region: a large page was entered there (INVLPG must drop all of it). */
export const OFF_TLB_LARGE = 0x34000;
export const TLB_LARGE_BYTES = 0x1000;
/** A page of 0xff that stands for code fetched from nowhere. */
export const OFF_OPEN_BUS = 0x35000;
/** A byte for each entry of the table for reading: the page may be written, too. */
export const OFF_TLB_WRITABLE = 0x36000;
/**
 * Where translated code goes on by itself: for 64-bit code and for 32-bit code a table of 16384 × {u64 tag, u32 table index
 * of the region's function << 8 | entry, i32 offset of RIP from the region's base}. The tag is RIP ^ context << 52 (OFF_TLB_CONTEXT).
 * 256 entries for each of 64 pages: what is at RIP is in the row of RIP >> 12 & 63 at the top 8 bits of the 32-bit product of RIP and
 * JUMPS_FACTOR, or in one of the three beside it: the number with other lowest two bits. They share a line of the cache.
 */
export const OFF_JUMPS64 = 0x37000;
export const OFF_JUMPS32 = 0x77000;
export const JUMPS_BYTES = 0x40000;
export const JUMPS_FACTOR = 0x9e3779b1;
/** Bytes of the places that a jump may be at. */
export const JUMP_WAYS = 64;
/** i32 per region: entries left until it should grow; 0 if it may not be run. */
export const OFF_REGION_LIFE = 0xb7000;
/** u16 for each entry of the three TLBs: the generation of global pages that it was entered in, 0 = the page is not global. */
export const OFF_TLB_GLOBAL = 0xf7000;
export const TLB_GLOBAL_BYTES = 0x6000;
/** Results of page walks (walkCache.ts). */
export const OFF_WALKS = 0xfd000;
export const WALKS_BYTES = 0x10000;
/** Decode cache: hash table and arena, to the end of the vCPU's region. Sizes are the interpreter's. */
export const OFF_DECODE = 0x10d000;
/** Bytes of a vCPU's region, all in all. */
export const VCPU_REGION_SIZE = 0x8000000;

// --- Bit sets ----------------------------------------------------------------------------------

/** Code size: bits 0..1. */
export const MODE_CODE_MASK = 3;
export const MODE_CODE16 = 0;
export const MODE_CODE32 = 1;
export const MODE_CODE64 = 2;
/** SS.B: 32-bit stack pointer (always clear in 64-bit code, where it is 64). */
export const MODE_STACK32 = 4;
/** CS, SS, DS and ES are usable, based at 0 and 4 GiB long: offsets are linear addresses (32-bit code only). */
export const MODE_FLAT = 8;
/** CPL, two bits. */
export const MODE_CPL_SHIFT = 4;
/** CR0.PE set and not virtual-8086. */
export const MODE_PROTECTED = 0x40;
export const MODE_V86 = 0x80;
/** EFER.LMA: 64-bit or compatibility mode. */
export const MODE_LONG = 0x100;
/** CR0.TS, CR0.EM, CR4.OSFXSR in one place, for x87 and SSE checks. */
export const MODE_TS = 0x200;
export const MODE_EM = 0x400;
export const MODE_OSFXSR = 0x800;
export const MODE_MP = 0x1000;

/** An interrupt or NMI can be taken now. */
export const PENDING_INTERRUPT = 1;
/** Trap flag, breakpoints or an interrupt shadow: run one instruction at a time. */
export const PENDING_STEP = 2;
/** The host asked run() to return. */
export const PENDING_EXIT = 4;
/** HALTED is set. */
export const PENDING_HALT = 8;

export const SHADOW_STI = 1;
export const SHADOW_MOV_SS = 2;

/** What run() returns. */
export const EXIT_BUDGET = 0;
export const EXIT_HALT = 1;
export const EXIT_SHUTDOWN = 2;
export const EXIT_FAILURE = 3;

/** What serviceEvents() returns: run blocks, run one instruction, leave run(). */
export const SERVICE_RUN = 0;
export const SERVICE_STEP = 1;
export const SERVICE_EXIT = 2;

export const HALTED_HLT = 1;
export const HALTED_WAIT_SIPI = 2;
export const HALTED_SHUTDOWN = 3;

// --- RFLAGS (SDM 1 §3.4.3) ---------------------------------------------------------------------

export const FLAG_CF = 0x1;
export const FLAG_PF = 0x4;
export const FLAG_AF = 0x10;
export const FLAG_ZF = 0x40;
export const FLAG_SF = 0x80;
export const FLAG_TF = 0x100;
export const FLAG_IF = 0x200;
export const FLAG_DF = 0x400;
export const FLAG_OF = 0x800;
export const FLAG_IOPL = 0x3000;
export const FLAG_NT = 0x4000;
export const FLAG_RF = 0x10000;
export const FLAG_VM = 0x20000;
export const FLAG_AC = 0x40000;
export const FLAG_VIF = 0x80000;
export const FLAG_VIP = 0x100000;
export const FLAG_ID = 0x200000;

// --- CR0, CR4, EFER (SDM 3A §2.5, §2.2.1) ------------------------------------------------------

export const CR0_PE = 0x1;
export const CR0_MP = 0x2;
export const CR0_EM = 0x4;
export const CR0_TS = 0x8;
export const CR0_ET = 0x10;
export const CR0_NE = 0x20;
export const CR0_WP = 0x10000;
export const CR0_AM = 0x40000;
export const CR0_NW = 0x20000000;
export const CR0_CD = 0x40000000;
export const CR0_PG = 0x80000000;
export const CR4_VME = 0x1;
export const CR4_PVI = 0x2;
export const CR4_TSD = 0x4;
export const CR4_DE = 0x8;
export const CR4_PSE = 0x10;
export const CR4_PAE = 0x20;
export const CR4_MCE = 0x40;
export const CR4_PGE = 0x80;
export const CR4_PCE = 0x100;
export const CR4_OSFXSR = 0x200;
export const CR4_OSXMMEXCPT = 0x400;
export const CR4_UMIP = 0x800;
export const CR4_FSGSBASE = 0x10000;
export const CR4_PCIDE = 0x20000;
export const CR4_SMEP = 0x100000;
export const EFER_SCE = 0x1;
export const EFER_LME = 0x100;
export const EFER_LMA = 0x400;
export const EFER_NXE = 0x800;

// --- Vectors (SDM 3A table 6-1) ----------------------------------------------------------------

export const VECTOR_DE = 0;
export const VECTOR_DB = 1;
export const VECTOR_NMI = 2;
export const VECTOR_BP = 3;
export const VECTOR_OF = 4;
export const VECTOR_BR = 5;
export const VECTOR_UD = 6;
export const VECTOR_NM = 7;
export const VECTOR_DF = 8;
export const VECTOR_TS = 10;
export const VECTOR_NP = 11;
export const VECTOR_SS = 12;
export const VECTOR_GP = 13;
export const VECTOR_PF = 14;
export const VECTOR_MF = 16;
export const VECTOR_AC = 17;
export const VECTOR_XM = 19;

// --- Decoded code (cpu/blocks.ts, cpu/decoder.ts) ----------------------------------------------

/** Block header, BLOCK_HEADER bytes, then records. */
export const BLOCK_HOST = 0; // u32 wasm address of the first byte; 0 = killed
export const BLOCK_KEY = 4; // u32 MODE_* bits that decoding depended on
export const BLOCK_NEXT = 8; // u32 next block of the hash chain
export const BLOCK_NEXT_IN_PAGE = 12; // u32 next block of the page's chain
export const BLOCK_BYTES = 16; // u16 length of the code
export const BLOCK_RECORDS = 18; // u16 number of records, the end record included
export const BLOCK_SECOND = 20; // u32 wasm address of the second page's part, 0 if in one page
export const BLOCK_NEXT_IN_SECOND = 24; // u32 next block of the second page's chain
export const BLOCK_REGION = 28; // u16 region it was translated in, 0 = none
export const BLOCK_HEADER = 32;

/** Record of an instruction, RECORD_SIZE bytes. Register operands are wasm addresses. */
export const REC_HANDLER = 0; // u32 table index
export const REC_START = 4; // u16 offset from the block's start
export const REC_NEXT = 6; // u16 offset of the next instruction
export const REC_REG = 8; // u32 ModRM.reg operand: address, or number of a segment/control/debug register
export const REC_RM = 12; // u32 ModRM.rm or opcode register: address, or x87 index
export const REC_BASE = 12; // u32 address of the base register
export const REC_INDEX = 16; // u32 address of the index register
export const REC_SCALE = 20; // u8 shift
export const REC_SEGMENT = 21; // u8 segment of the memory operand or string source
export const REC_KIND = 22; // u8 0 = base + index << scale + disp is the linear address
export const REC_ADDRESS_SIZE = 23; // u8 bytes: 2, 4, 8
export const REC_DISP = 24; // i64
export const REC_LINK_TAKEN = 24; // u32 block, direct branches (they have no memory operand)
export const REC_LINK_NEXT = 28; // u32 block
export const REC_IMM = 32; // i64; branches: displacement from the block's start
export const REC_COUNT = 40; // u16 instructions retired when this one is done
export const REC_PREFIXES = 42; // u8 1 F3, 2 F2, 4 LOCK, 8 66, 16 REX.W, 32 segment override
export const REC_LENGTH = 43; // u8
export const RECORD_SIZE = 48;

/** What a chain of handlers returns to the loop (cpu/dispatch.ts); 0, "next record", never gets there. */
export const LEAVE = 1; // RIP is stored, or a fault is pending
export const TAKEN = 2; // RIP is stored, all is counted; the block may be linked in REC_LINK_TAKEN
export const NOT_TAKEN = 3; // the same with REC_LINK_NEXT
export const END_OF_BLOCK = 4; // the same, but the record is no instruction
export const RESYNCHRONISE = 5; // RIP is stored; the record is no instruction
export const REGION_FAULT = 7; // translated code noted a fault; RIP is at its instruction
export const ARRIVED = 6; // RIP is stored and the instructions are counted: find the block

// --- Translated regions (cpu/regions.ts, vcpu/wasm/translations.ts) -----------------------------

/** Fields of the hook, the first record of each block when translation is on. */
export const HOOK_FUNCTION = 8; // u32 table index of the region's function
export const HOOK_ENTRY = 12; // u32 entry number
export const HOOK_OFFSET = 16; // i32 offset of the block's RIP from the region's base
export const HOOK_HEAT = 32; // u32 runs by the interpreter left until the block is hot
/** u32: 0 = blocks get no hooks and are only interpreted; else runs after which a block is hot. */
export const OFF_HEAT_LIMIT = 0x1040;
/** u32: instructions that the region being run may retire, and what it retired. */
export const OFF_REGION_LIMIT = 0x1044;
export const OFF_REGION_RETIRED = 0x1048;
/** u32: region being run, and the block whose indirect jump left it or 0. */
export const OFF_REGION_CURRENT = 0x104c;
export const OFF_REGION_FROM = 0x1050;
/** u32 entries of regions by the core, u64 instructions retired in regions. */
export const OFF_COUNT_REGION_RUNS = 0x1054;
export const OFF_COUNT_REGION_RETIRED = 0x1058;
/**
 * u32 each, why regions were left: a fault; an instruction for the interpreter; an event; the slice's end; an indirect jump
 * and a direct one to code outside. The last: regions that were not entered because their code had been written.
 */
export const OFF_COUNT_EXIT_FAULT = 0x1780;
export const OFF_COUNT_EXIT_INTERPRET = 0x1784;
export const OFF_COUNT_EXIT_EVENT = 0x1788;
export const OFF_COUNT_EXIT_BUDGET = 0x178c;
export const OFF_COUNT_EXIT_INDIRECT = 0x1790;
export const OFF_COUNT_EXIT_DIRECT = 0x1794;
export const OFF_COUNT_INVALIDATED = 0x1798;
/**
 * The page that translated code last found its stack in: u64 linear address (tlb.ts, NO_PAGE: none), u32 wasm address.
 * It may be read and written.
 */
export const OFF_STACK_PAGE = 0x17a0;
export const OFF_STACK_HOST = 0x17a8;
/**
 * Flags as a region left them: u32 flagFormCode (translator/guestFlags.ts), 0 if the two words above are right, and u64 operands. While
 * it is not 0 only regions run.
 */
export const OFF_FLAG_FORM = 0x17ac;
export const OFF_FLAG_FORM_RESULT = 0x17b0;
export const OFF_FLAG_FORM_A = 0x17b8;
export const OFF_FLAG_FORM_B = 0x17c0;
/** Generation of global pages (u32), and its context for tags (u64), which is OFF_TLB_CONTEXT's where global pages do not count (tlb.ts). */
export const OFF_TLB_GLOBAL_GENERATION = 0x17c8;
export const OFF_TLB_GLOBAL_CONTEXT = 0x17d0;
/** u32 count, then HOT_MAX × {u32 block, u32 block whose indirect jump led there or 0, u64 RIP}. */
export const OFF_HOT_COUNT = 0x1060;
export const OFF_HOT = 0x1070;
export const HOT_MAX = 112;
/** Copies of records, for the handlers that translated code calls. */
export const HANDLER_RECORDS_SIZE = 0x200000;
/** One byte per region: it may be run. At the end of the vCPU's region, behind the copies. */
export const REGION_MAX = 0x10000;
/** Noted like a fault: the instruction is to be interpreted. */
export const FAULT_INTERPRET = 0x1000;
