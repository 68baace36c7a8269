/*
 * 64-bit and compatibility mode: privilege transfers, descriptors, IST, SYSCALL, canonical addresses and 4-level
 * paging, as a program that prints what it observes; see system32.c.
 */
#include "console.h"

struct frame {
  u64 r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
  u64 vector, code, rip, cs, rflags, rsp, ss;
};
struct tss64 {
  u32 reserved;
  u64 rsp[3];
  u64 reserved2;
  u64 ist[7];
  u64 reserved3;
  u16 reserved4, iomap;
} __attribute__((packed));

extern u8 stubs[];
extern u64 pml4[512], pdpt[512];
extern int attempt(void (*body)(void));
extern void recover(void) __attribute__((noreturn));
extern void enter(u64 rip, u64 cs, u64 rflags, u64 rsp, u64 ss);

/* Not RF, which QEMU does not save. */
#define SYSTEM_FLAGS 0x003e7700

static u64 gdt[64] __attribute__((aligned(8)));
static u64 idt[512] __attribute__((aligned(16)));
static struct tss64 tss __attribute__((aligned(128)));
static u8 user_stack[4096] __attribute__((aligned(16)));
static u8 inner_stack[4096] __attribute__((aligned(16)));
static u8 ring1_stack[4096] __attribute__((aligned(16)));
static u8 ist_stack[4096] __attribute__((aligned(16)));
static int resume_traps;
static volatile u64 seen, seen_code, seen_rip, seen_flags, seen_cs, seen_ss, seen_rsp, seen_cr2, seen_frame;

void handle(struct frame *f) {
  u64 cr2;
  asm volatile("mov %%cr2,%0" : "=r"(cr2));
  seen = f->vector;
  seen_code = f->code;
  seen_rip = f->rip;
  seen_flags = f->rflags;
  seen_cs = f->cs;
  seen_ss = f->ss;
  seen_rsp = f->rsp;
  seen_cr2 = cr2;
  seen_frame = (u64)f;
  if (resume_traps && (f->vector == 1 || f->vector == 3 || f->vector == 0x81)) {
    u64 dr6;
    asm volatile("mov %%dr6,%0" : "=r"(dr6));
    print("  trap");
    field("v", f->vector);
    field("ip", f->rip);
    field("cs", f->cs);
    field("fl", f->rflags & SYSTEM_FLAGS);
    field("dr6", dr6);
    end_line();
    dr6 = 0xffff0ff0;
    asm volatile("mov %0,%%dr6" ::"r"(dr6));
    return;
  }
  recover();
}

static u64 segment(u32 base, u32 limit, u32 access, u32 flags) {
  return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 |
         (u64)(limit >> 16 & 15) << 48 | (u64)flags << 52 | (u64)(base >> 24) << 56;
}
static void gate(u64 *at, u64 offset, u32 selector, u32 access, u32 ist) {
  at[0] = (offset & 0xffff) | (u64)selector << 16 | (u64)ist << 32 | (u64)access << 40 |
          (offset >> 16 & 0xffff) << 48;
  at[1] = offset >> 32;
}

#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_CODE32 0x18
#define SEL_USER32 0x23
#define SEL_USER_DATA 0x2b
#define SEL_USER_CODE 0x33
#define SEL_TSS 0x38
#define SEL_TEST 0x48
#define SEL_GATE 0x58
#define SEL_RING1_CODE 0x69
#define SEL_CONFORMING 0x70
#define SEL_LDT 0x78

static void load_tables(void) {
  gdt[1] = segment(0, 0xfffff, 0x9b, 0xa);
  gdt[2] = segment(0, 0xfffff, 0x93, 0xc);
  gdt[3] = segment(0, 0xfffff, 0x9b, 0xc);
  gdt[4] = segment(0, 0xfffff, 0xfb, 0xc);
  gdt[5] = segment(0, 0xfffff, 0xf3, 0xc);
  gdt[6] = segment(0, 0xfffff, 0xfb, 0xa);
  gdt[7] = segment((u32)(u64)&tss, sizeof tss - 1, 0x89, 0);
  gdt[13] = segment(0, 0xfffff, 0xbb, 0xa);
  gdt[14] = segment(0, 0xfffff, 0x9f, 0xa);
  gdt[15] = segment((u32)(u64)gdt, 63, 0x82, 0);
  for (u32 i = 0; i < 256; i++) {
    gate(&idt[2 * i], (u64)stubs + 16 * i, SEL_CODE, i == 3 || i == 4 || i >= 0x80 ? 0xee : 0x8e, 0);
  }
  tss.rsp[0] = (u64)(inner_stack + sizeof inner_stack);
  tss.rsp[1] = (u64)(ring1_stack + sizeof ring1_stack);
  tss.ist[0] = (u64)(ist_stack + sizeof ist_stack - 8);
  tss.iomap = sizeof tss;
  struct {
    u16 limit;
    u64 base;
  } __attribute__((packed)) table = {sizeof gdt - 1, (u64)gdt};
  asm volatile("lgdt %0" ::"m"(table));
  table.limit = sizeof idt - 1;
  table.base = (u64)idt;
  asm volatile("lidt %0" ::"m"(table));
  asm volatile("ltr %w0" ::"r"(SEL_TSS));
}

static void report(const char *name, int failed) {
  print(name);
  if (!failed) {
    print(" ok");
    return;
  }
  field("v", seen);
  if (seen != 0x80) {
    field("e", seen_code);
    field("ip", seen_rip);
    field("fl", seen_flags & SYSTEM_FLAGS);
    if (seen == 14) field("cr2", seen_cr2);
  }
  field("cs", seen_cs);
  field("ss", seen_ss);
  if (seen_cs & 3) field("sp", seen_rsp);
}
static void run(const char *name, void (*body)(void)) {
  int failed = attempt(body);
  report(name, failed);
  end_line();
}

static volatile u64 arg, arg2, result, flags_out;
static u8 far_pointer[10];
static void set_far(u32 selector, u32 offset) {
  *(u32 *)far_pointer = offset;
  *(u16 *)(far_pointer + 4) = selector;
}

asm(".globl landing\nlanding: int $0x80\n"
    ".globl landing_return\nlanding_return: lretq\n"
    ".code32\n.globl landing32\nlanding32: int $0x80\n.code64\n");
extern u8 landing[], landing_return[], landing32[];

static void (*user_function)(void);
static u64 user_flags = 2;
static void user_body(void) {
  user_function();
  asm volatile("int $0x80");
}
static void to_user(void) {
  enter((u64)user_body, SEL_USER_CODE, user_flags, (u64)(user_stack + sizeof user_stack - 8), SEL_USER_DATA);
}
static void run_user(const char *name, void (*body)(void)) {
  user_function = body;
  run(name, to_user);
}

/* --- Descriptors and far transfers ---------------------------------------------------------------- */

static void load_ds(void) { asm volatile("mov %w0,%%ds" ::"r"(arg)); }
static void load_ss(void) { asm volatile("mov %w0,%%ss" ::"r"(arg)); }
static void load_fs(void) { asm volatile("mov %w0,%%fs" ::"r"(arg)); }
static void load_ldtr(void) { asm volatile("lldt %w0" ::"r"(arg)); }
static void load_tr(void) { asm volatile("ltr %w0" ::"r"(arg)); }
static void far_jump(void) { asm volatile("ljmpl *%0" ::"m"(far_pointer)); }
static void far_call(void) { asm volatile("lcalll *%0" ::"m"(far_pointer)); }
static void far_return(void) { asm volatile("push %0; push %1; lretq" ::"r"(arg), "r"((u64)landing)); }
static void iret_to(void) {
  asm volatile("mov %%rsp,%%rax; push %2; push %%rax; pushf; push %0; push %1; iretq" ::"r"(arg), "r"((u64)landing),
               "r"(arg2)
               : "rax");
}
static void inspect(void) {
  u32 lar = 0x5a5a, lsl = 0xa5a5;
  u64 f, r, w;
  asm volatile("lar %3,%0; pushf; pop %2; lsl %3,%1" : "+r"(lar), "+r"(lsl), "=&r"(f) : "r"((u32)arg));
  asm volatile("verr %w2; pushf; pop %0; verw %w2; pushf; pop %1" : "=&r"(r), "=&r"(w) : "r"(arg));
  result = lar | (u64)lsl << 32;
  flags_out = (f & 64) | (r & 64) << 1 | (w & 64) << 2;
}

static void restore_tables(void) {
  gdt[7] = segment((u32)(u64)&tss, sizeof tss - 1, 0x89, 0);
  asm volatile("ltr %w0" ::"r"(SEL_TSS));
  asm volatile("lldt %w0" ::"r"(0));
}

static void descriptors(void) {
  print("descriptors\n");
  static const struct {
    const char *name;
    void (*body)(void);
  } loads[] = {{"ds", load_ds}, {"ss", load_ss}, {"fs", load_fs}, {"lldt", load_ldtr}, {"ltr", load_tr}};
  for (u32 access = 0; access < 256; access++) {
    /* Types 1, 3, 4 and 5 are reserved here (SDM 3A table 3-2), which QEMU does not know. */
    u32 type = access & 0x1f;
    if (type == 1 || (type >= 3 && type <= 5)) continue;
    for (u32 rpl = 0; rpl < 4; rpl += 3) {
      arg = SEL_TEST | rpl;
      for (int i = 0; i < 5; i++) {
        gdt[9] = segment(0, 0xfffff, access, 0xc);
        gdt[10] = 0;
        int failed = attempt(loads[i].body);
        print(loads[i].name);
        field("a", access);
        field("rpl", rpl);
        field("after", (gdt[9] >> 40) & 0xff);
        report("", failed);
        end_line();
        if (i >= 3) restore_tables();
      }
      gdt[9] = segment(0, 0xfffff, access, 0xc);
      attempt(inspect);
      print("inspect");
      field("r", result);
      field("zf", flags_out);
      end_line();
      run_user("user ds", load_ds);
      run_user("user inspect", inspect);
      print("inspect");
      field("r", result);
      field("zf", flags_out);
      end_line();
    }
  }
  for (arg = 0; arg < 4; arg++) {
    run("null ds", load_ds);
    run_user("user null ss", load_ss);
  }
  arg = 0;
  run("null ss", load_ss);
}

static void transfers(void) {
  print("transfers\n");
  static const char *const names[] = {"jmp", "call", "lret", "iret"};
  static void (*const bodies[])(void) = {far_jump, far_call, far_return, iret_to};
  for (u32 access = 0; access < 256; access++) {
    u32 type = access & 0x1f;
    if (type == 5) continue;
    /* Not L with D, which is #GP: QEMU does not check it. */
    for (u32 bits = 0; bits < 3; bits++) {
      /* 16-bit code would run the landing as other instructions, but INT 80 is the same in all. */
      for (u32 rpl = 0; rpl < 4; rpl += 3) {
        for (int i = 0; i < 4; i++) {
          for (int user = 0; user < 2; user++) {
            /* QEMU checks no TSS types in long mode before it gives up; gates come below. */
            if (!(access & 0x10) && bits) continue;
            gdt[9] = segment(0, 0xfffff, access, 0x8 | bits << 1);
            gdt[10] = 0;
            set_far(SEL_TEST | rpl, (u32)(u64)landing);
            arg = SEL_TEST | rpl;
            arg2 = rpl ? SEL_USER_DATA : SEL_DATA;
            user_function = bodies[i];
            int failed = attempt(user ? to_user : bodies[i]);
            print(names[i]);
            field("user", user);
            field("a", access);
            field("ld", bits);
            field("rpl", rpl);
            report("", failed);
            end_line();
          }
        }
      }
    }
  }
  static const u32 stacks[] = {0, 1, 3, SEL_DATA, SEL_DATA | 3, SEL_USER_DATA, SEL_USER_CODE, 0xfff8, SEL_TSS};
  for (u32 i = 0; i < sizeof stacks / 4; i++) {
    arg2 = stacks[i];
    arg = SEL_CODE;
    /* A null SS with another RPL: #GP, which QEMU does not check. */
    if (arg2 == 0 || arg2 > 3) run("iret ss, ring 0", iret_to);
    arg = SEL_USER_CODE;
    run("iret ss, ring 3", iret_to);
    arg = SEL_USER32;
    run("iret ss, compat", iret_to);
  }
  set_far(SEL_GATE | 3, 0);
  gate(&gdt[11], (u64)landing_return, SEL_CODE, 0xec, 0);
  run_user("call gate and back", far_call);
  run("call gate, ring 0", far_call);
  gate(&gdt[11], (u64)landing_return, SEL_CONFORMING, 0xec, 0);
  run_user("call gate conforming", far_call);
  gate(&gdt[11], (u64)landing, SEL_RING1_CODE & ~3, 0xec, 0);
  run_user("call gate ring 1", far_call);
  gate(&gdt[11], (u64)landing, SEL_CODE32, 0xec, 0);
  run_user("call gate to 32-bit", far_call);
  gate(&gdt[11], (u64)landing, SEL_CODE, 0x8c, 0);
  run_user("call gate dpl", far_call);
  gate(&gdt[11], (u64)landing, SEL_CODE, 0x6c, 0);
  run_user("call gate absent", far_call);
  gate(&gdt[11], (u64)landing, 0, 0xec, 0);
  run_user("call gate null", far_call);
  gate(&gdt[11], (u64)landing, SEL_CODE, 0xec, 0);
  gdt[12] |= 0x9b0000000000;
  run_user("call gate bad upper half", far_call);
}

/* --- Interrupt gates, IST, SYSCALL ---------------------------------------------------------------- */

static void int90(void) { asm volatile("int $0x90"); }
static void int3_body(void) { asm volatile("int3"); }
static void into32(void) { asm volatile(".byte 0xce"); }
static void ud2(void) { asm volatile("ud2"); }
static void bad_gp(void) { asm volatile("mov %w0,%%ds" ::"r"(0xfff8)); }
static void misaligned_int(void) { asm volatile("sub $3,%rsp; int $0x90"); }
static void do_syscall(void) { asm volatile("syscall" ::: "rcx", "r11"); }
static void sysret64(void) {
  asm volatile("mov %0,%%rcx; mov $0x202,%%r11; mov %1,%%rsp; sysretq" ::"r"(arg), "r"(user_stack + sizeof user_stack - 8) : "rcx", "r11");
}
static void sysret32(void) {
  asm volatile("mov %0,%%rcx; mov $0x202,%%r11; mov %1,%%rsp; sysretl" ::"r"(arg), "r"(user_stack + sizeof user_stack - 8) : "rcx", "r11");
}
static void do_sysenter(void) { asm volatile("sysenter"); }
static void sysexit64(void) {
  asm volatile("mov %0,%%rdx; mov %1,%%rcx; rex.w sysexit" ::"r"(arg), "r"(user_stack + sizeof user_stack - 8) : "rcx", "rdx");
}
static void sysexit32(void) {
  asm volatile("mov %0,%%rdx; mov %1,%%rcx; sysexit" ::"r"(arg), "r"(user_stack + sizeof user_stack - 8) : "rcx", "rdx");
}
static void wrmsr_value(u32 index, u64 value) {
  asm volatile("wrmsr" ::"c"(index), "a"((u32)value), "d"((u32)(value >> 32)));
}
static u64 rdmsr_value(u32 index) {
  u32 low, high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
  return low | (u64)high << 32;
}

static volatile u64 entry_rcx, entry_r11, entry_rsp, entry_flags;
asm(".globl syscall_entry\nsyscall_entry: mov %rcx,entry_rcx; mov %r11,entry_r11; mov %rsp,entry_rsp\n"
    "mov $stack_scratch,%rsp; pushf; pop entry_flags; int $0x80\n"
    ".bss\n.space 256\nstack_scratch: .text\n"
    ".globl entry_rcx, entry_r11, entry_rsp, entry_flags\n");
extern u8 syscall_entry[];

static void events(void) {
  print("events\n");
  gate(&idt[2 * 0x90], (u64)stubs + 16 * 0x90, SEL_CODE, 0xee, 0);
  run("int 90", int90);
  run_user("user int 90", int90);
  run("int 90 misaligned", misaligned_int);
  field("frame", seen_frame & 15);
  end_line();
  gate(&idt[2 * 0x90], (u64)stubs + 16 * 0x90, SEL_CODE, 0xee, 1);
  run("int 90 ist", int90);
  field("frame", seen_frame);
  end_line();
  run_user("user int 90 ist", int90);
  field("frame", seen_frame);
  end_line();
  static const u32 selectors[] = {0, SEL_DATA, SEL_CODE32, SEL_USER_CODE, SEL_USER32, SEL_CONFORMING, SEL_RING1_CODE, 0xfff8, SEL_TSS};
  for (u32 i = 0; i < sizeof selectors / 4; i++) {
    gate(&idt[2 * 0x90], selectors[i] == SEL_CONFORMING ? (u64)landing : (u64)stubs + 16 * 0x90, selectors[i], 0xee, 0);
    run("gate selector", int90);
    if (selectors[i] != SEL_USER_CODE && selectors[i] != SEL_RING1_CODE) run_user("gate selector, user", int90);
  }
  gate(&idt[2 * 0x90], (u64)stubs + 16 * 0x90, SEL_CODE, 0xee, 0);
  u64 saved = idt[26];
  idt[26] &= ~(1ull << 47);
  run("absent #GP gate", bad_gp);
  idt[26] = saved;
  run("into in 64-bit", into32);
  run("ud2", ud2);

  wrmsr_value(0xc0000081, (u64)(SEL_USER32 - 3) << 48 | (u64)SEL_CODE << 32);
  wrmsr_value(0xc0000082, (u64)syscall_entry);
  wrmsr_value(0xc0000084, 0x700);
  user_flags = 0x3002;
  run_user("syscall", do_syscall);
  field("rcx", entry_rcx);
  field("r11", entry_r11 & SYSTEM_FLAGS);
  field("rsp", entry_rsp);
  field("fl", entry_flags & SYSTEM_FLAGS);
  end_line();
  user_flags = 2;
  /* SYSRET's selectors: 32-bit code at STAR + 0, 64-bit at + 16, stack at + 8. */
  arg = (u64)landing;
  run("sysret 64", sysret64);
  arg = (u64)landing32;
  run("sysret 32", sysret32);
  run_user("sysret from user", sysret64);
  wrmsr_value(0xc0000080, rdmsr_value(0xc0000080) & ~1ull);
  run("syscall disabled", do_syscall);
  run("sysret disabled", sysret64);
  wrmsr_value(0xc0000080, rdmsr_value(0xc0000080) | 1);
  wrmsr_value(0x174, 0);
  run("sysenter null", do_sysenter);
  run("sysexit null", sysexit64);
  wrmsr_value(0x174, SEL_CODE);
  wrmsr_value(0x175, (u64)(ring1_stack + sizeof ring1_stack));
  wrmsr_value(0x176, (u64)landing);
  run_user("sysenter", do_sysenter);
  run_user("sysexit from user", sysexit64);
}

/* --- Canonical addresses, MSRs, control registers -------------------------------------------------- */

static void read_arg(void) { result = *(volatile u64 *)arg; }
static void write_arg(void) { *(volatile u64 *)arg = 1; }
static void call_arg(void) { ((void (*)(void))arg)(); }
static void stack_arg(void) { asm volatile("mov %0,%%rsp; pop %%rax" ::"r"(arg)); }
static void frame_arg(void) { asm volatile("mov %0,%%rbp; mov (%%rbp),%%rax" ::"r"(arg)); }
static void wrmsr_arg(void) { wrmsr_value((u32)arg2, arg); }
static void rdmsr_arg(void) { result = rdmsr_value((u32)arg2); }
static void cr0_arg(void) { asm volatile("mov %0,%%cr0" ::"r"(arg)); }
static void cr3_arg(void) { asm volatile("mov %0,%%cr3" ::"r"(arg)); }
static void cr4_arg(void) { asm volatile("mov %0,%%cr4" ::"r"(arg)); }
static void cr8_arg(void) { asm volatile("mov %0,%%cr8" ::"r"(arg)); }
static void wrfs_arg(void) { asm volatile("wrfsbase %0" ::"r"(arg)); }
static void rdgs(void) { asm volatile("rdgsbase %0" : "=r"(result)); }
static void do_swapgs(void) { asm volatile("swapgs; swapgs"); }
static void do_invpcid(void) {
  static u64 descriptor[2];
  descriptor[0] = arg2;
  descriptor[1] = 0;
  asm volatile("invpcid %1,%0" ::"r"(arg), "m"(descriptor));
}
static void lgdt_arg(void) {
  struct {
    u16 limit;
    u64 base;
  } __attribute__((packed)) table = {0xff, arg};
  asm volatile("lgdt %0" ::"m"(table));
}

static void addresses(void) {
  print("addresses\n");
  static const u64 list[] = {0x7ffffffffff8, 0xffff800000000000, 0xfffffffffffffff8};
  for (u32 i = 0; i < sizeof list / 8; i++) {
    arg = list[i];
    field("at", arg);
    end_line();
    run("read", read_arg);
    run("write", write_arg);
    run_user("user read", read_arg);
    run_user("pop", stack_arg);
    run("frame", frame_arg);
    run("call", call_arg);
  }
  static const u32 registers[] = {0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101, 0xc0000102, 0x175, 0x176};
  for (u32 i = 0; i < sizeof registers / 4; i++) {
    arg2 = registers[i];
    u64 saved = rdmsr_value((u32)arg2);
    arg = 0xffff800000000000;
    run("msr canonical", wrmsr_arg);
    run_user("msr user", rdmsr_arg);
    wrmsr_value((u32)arg2, saved);
  }
  u64 cr0, cr4;
  asm volatile("mov %%cr0,%0; mov %%cr4,%1" : "=r"(cr0), "=r"(cr4));
  arg = cr4 | 0x10000;
  run("wrfsbase disabled", wrfs_arg);
  run("cr4 fsgsbase", cr4_arg);
  arg = 0x1234;
  run("wrfsbase", wrfs_arg);
  run_user("user wrfsbase", wrfs_arg);
  run_user("rdgsbase", rdgs);
  run("swapgs", do_swapgs);
  run_user("user swapgs", do_swapgs);
}

/* --- Compatibility mode ----------------------------------------------------------------------------- */

asm(".code32\n"
    ".globl compat_int80, compat_int3, compat_read, compat_gp, compat_push, compat_syscall, compat_jump\n"
    "compat_int80: int $0x80\n"
    "compat_int3: int3\n"
    "compat_read: mov $0x2b,%ecx; mov %ecx,%ds; mov $0xc0000000,%eax; mov (%eax),%eax; int $0x80\n"
    "compat_gp: mov $0xfff8,%eax; mov %eax,%ds; int $0x80\n"
    "compat_push: push %eax; push %eax; pushf; int $0x80\n"
    "compat_syscall: .byte 0x0f,0x05\n"
    "compat_jump: ljmp $0x33,$landing\n"
    ".code64\n");
extern u8 compat_int80[], compat_int3[], compat_read[], compat_gp[], compat_push[], compat_syscall[], compat_jump[];

static void compat_user(void) {
  enter(arg, SEL_USER32, 2, (u64)(user_stack + sizeof user_stack - 8), SEL_USER_DATA);
}
static void compat_kernel(void) {
  asm volatile("push %1; push %0; lretq" ::"r"(arg), "r"((u64)SEL_CODE32));
}

static void compatibility(void) {
  print("compat\n");
  static u8 *const bodies[] = {compat_int80, compat_int3, compat_read, compat_gp, compat_push, compat_jump};
  for (u32 i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    arg = (u64)bodies[i];
    run("user", compat_user);
    run("kernel", compat_kernel);
  }
}

/* --- Debugging -------------------------------------------------------------------------------------- */

static void stepped(void) {
  asm volatile("pushf; orl $0x100,(%%rsp); popf; nop; mov %%eax,%%eax; pushf; andl $~0x100,(%%rsp); popf; nop" ::: "memory");
}
static volatile u64 watched[2];
static void touch(void) {
  watched[0] = 1;
  asm volatile("nop");
  ((volatile u8 *)watched)[7] = 1;
  asm volatile("nop");
  watched[1] = 1;
  asm volatile("nop");
}

static void debug(void) {
  print("debug\n");
  resume_traps = 1;
  run("step", stepped);
  run_user("user step", stepped);
  asm volatile("mov %0,%%dr0" ::"r"(watched));
  asm volatile("mov %0,%%dr7" ::"r"(0x00090402ull));
  run("quad watch", touch);
  run_user("user quad watch", touch);
  asm volatile("mov %0,%%dr7" ::"r"(0x400ull));
  resume_traps = 0;
}

#include "system64paging.h"
#include "system64strict.h"

void main(void) {
  outb(0x21, 0xff);
  outb(0xa1, 0xff);
  load_tables();
  descriptors();
  transfers();
  events();
  addresses();
  compatibility();
  debug();
  paging();
  strict();
  print("done\n");
  finish();
}
