/*
 * Protected mode, call gates, task switches, virtual-8086 mode and 32-bit/PAE paging as a program that prints what
 * it observes. The same ELF runs on our core and on an oracle; the outputs must be equal (systemSuite.ts).
 */
#include "console.h"

struct frame {
  u32 gs, fs, es, ds;
  u32 edi, esi, ebp, esp0, ebx, edx, ecx, eax;
  u32 vector, code, eip, cs, eflags, esp, ss;
  u32 v86es, v86ds, v86fs, v86gs;
};
struct tss32 {
  u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
  u32 eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt;
  u16 trap, iomap;
  u8 bitmap[8192 + 1];
};

extern u8 stubs[];
extern int attempt(void (*body)(void));
extern void real_mode(void);
extern void recover(void) __attribute__((noreturn));
extern void enter(u32 eip, u32 cs, u32 eflags, u32 esp, u32 ss, u32 data);
extern void enter_v86(u32 ip, u32 cs, u32 eflags);

/* Not RF, which QEMU does not save. */
#define SYSTEM_FLAGS 0x003e7700

static u64 gdt[64] __attribute__((aligned(8)));
static u64 ldt[8] __attribute__((aligned(8)));
static u64 idt[256] __attribute__((aligned(8)));
static struct tss32 tss __attribute__((aligned(128)));
static struct tss32 task2 __attribute__((aligned(128)));
static u8 user_stack[4096] __attribute__((aligned(16)));
static u8 inner_stack[4096] __attribute__((aligned(16)));
static u8 ring1_stack[4096] __attribute__((aligned(16)));
static u8 task_stack[4096] __attribute__((aligned(16)));
static int resume_traps;
static volatile u32 seen, seen_code, seen_eip, seen_flags, seen_cs, seen_ss, seen_esp, seen_cr2;

/* Vector 0x80 ends an attempt without being an exception; 0x81 resumes. */
void handle(struct frame *f) {
  u32 cr2;
  asm volatile("mov %%cr2,%0" : "=r"(cr2));
  seen = f->vector;
  seen_code = f->code;
  seen_eip = f->eip;
  seen_flags = f->eflags;
  seen_cs = f->cs;
  seen_cr2 = cr2;
  int outer = (f->cs & 3) || (f->eflags & 0x20000);
  seen_ss = outer ? f->ss : 0;
  seen_esp = outer ? f->esp : (u32)(&f->esp);
  if (resume_traps && (f->vector == 1 || f->vector == 3 || f->vector == 0x81)) {
    u32 dr6;
    asm volatile("mov %%dr6,%0" : "=r"(dr6));
    print("  trap");
    field("v", f->vector);
    field("ip", f->eip);
    field("fl", f->eflags & SYSTEM_FLAGS);
    field("dr6", dr6);
    end_line();
    dr6 = 0xffff0ff0;
    asm volatile("mov %0,%%dr6" ::"r"(dr6));
    if (f->vector == 1 && resume_traps == 2) f->eflags |= 0x10000;
    return;
  }
  recover();
}

static u64 segment(u32 base, u32 limit, u32 access, u32 flags) {
  return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 |
         (u64)(limit >> 16 & 15) << 48 | (u64)flags << 52 | (u64)(base >> 24) << 56;
}

static u64 gate(u32 offset, u32 selector, u32 access, u32 count) {
  return (offset & 0xffff) | (u64)selector << 16 | (u64)count << 32 | (u64)access << 40 |
         (u64)(offset >> 16) << 48;
}

#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_USER_CODE 0x1b
#define SEL_USER_DATA 0x23
#define SEL_TSS 0x28
#define SEL_TASK2 0x30
#define SEL_LDT 0x38
#define SEL_TEST 0x40
#define SEL_GATE 0x48
#define SEL_TASK_GATE 0x50
#define SEL_RING1_CODE 0x59
#define SEL_RING1_DATA 0x61
#define SEL_CONFORMING 0x68
#define SEL_SMALL 0x70
#define SEL_DOWN 0x78
#define SEL_CODE16 0x80
#define SEL_TSS16 0x88

static void load_tables(void) {
  gdt[1] = segment(0, 0xfffff, 0x9b, 0xc);
  gdt[2] = segment(0, 0xfffff, 0x93, 0xc);
  gdt[3] = segment(0, 0xfffff, 0xfb, 0xc);
  gdt[4] = segment(0, 0xfffff, 0xf3, 0xc);
  gdt[5] = segment((u32)&tss, sizeof tss - 1, 0x89, 0);
  gdt[6] = segment((u32)&task2, sizeof task2 - 1, 0x89, 0);
  gdt[7] = segment((u32)ldt, sizeof ldt - 1, 0x82, 0);
  gdt[10] = gate(0, SEL_TASK2, 0xe5, 0);
  gdt[11] = segment(0, 0xfffff, 0xbb, 0xc);
  gdt[12] = segment(0, 0xfffff, 0xb3, 0xc);
  gdt[13] = segment(0, 0xfffff, 0x9f, 0xc);
  gdt[14] = segment(0x200000, 0x1ff, 0x93, 0x4);
  gdt[15] = segment(0x200000, 0xfff, 0x97, 0x4);
  gdt[16] = segment(0, 0xffff, 0x9b, 0);
  ldt[1] = segment(0, 0xfffff, 0xf3, 0xc);
  for (int i = 0; i < 256; i++) {
    u32 at = (u32)stubs + 16 * i;
    idt[i] = gate(at, SEL_CODE, i == 3 || i == 4 || i >= 0x80 ? 0xee : 0x8e, 0);
  }
  tss.ss0 = SEL_DATA;
  tss.esp0 = (u32)(inner_stack + sizeof inner_stack);
  tss.ss1 = SEL_RING1_DATA;
  tss.esp1 = (u32)(ring1_stack + sizeof ring1_stack);
  tss.iomap = (u32)&tss.bitmap - (u32)&tss;
  for (u32 i = 0; i < sizeof tss.bitmap; i++) tss.bitmap[i] = 0xff;
  struct {
    u16 limit;
    u32 base;
  } __attribute__((packed)) table = {sizeof gdt - 1, (u32)gdt};
  asm volatile("lgdt %0" ::"m"(table));
  table.limit = sizeof idt - 1;
  table.base = (u32)idt;
  asm volatile("lidt %0" ::"m"(table));
  asm volatile("ljmp $0x08,$1f\n1: mov %0,%%ds\nmov %0,%%es\nmov %0,%%fs\nmov %0,%%gs\nmov %0,%%ss" ::"r"(SEL_DATA));
  asm volatile("lldt %w0" ::"r"(SEL_LDT));
  asm volatile("ltr %w0" ::"r"(SEL_TSS));
}

static void report(const char *name, int failed) {
  print(name);
  if (failed) {
    field("v", seen);
    if (seen != 0x80) {
      field("e", seen_code);
      field("ip", seen_eip);
      field("cs", seen_cs);
      field("fl", seen_flags & SYSTEM_FLAGS);
      if (seen == 14) field("cr2", seen_cr2);
    }
    if ((seen_cs & 3) || seen_flags & 0x20000) {
      field("ss", seen_ss);
      field("sp", seen_esp);
    }
  } else {
    print(" ok");
  }
}

static void run(const char *name, void (*body)(void)) {
  int failed = attempt(body);
  report(name, failed);
  end_line();
}

/* --- Bodies of attempts, parameters in globals ------------------------------------------------- */

static volatile u32 arg, arg2, result, flags_out;
static u8 far_pointer[6];

static void set_far(u32 selector, u32 offset) {
  *(u32 *)far_pointer = offset;
  *(u16 *)(far_pointer + 4) = selector;
}

static void far_call_parameters(void) {
  asm volatile("push $1; push $2; lcall *%0" ::"m"(far_pointer));
}
static void load_ds(void) { asm volatile("mov %0,%%ds" ::"r"(arg)); }
static void load_es(void) { asm volatile("mov %0,%%es" ::"r"(arg)); }
static void load_ss(void) { asm volatile("mov %0,%%ss" ::"r"(arg)); }
static void load_fs(void) { asm volatile("mov %0,%%fs" ::"r"(arg)); }
static void load_ldtr(void) { asm volatile("lldt %w0" ::"r"(arg)); }
static void load_tr(void) { asm volatile("ltr %w0" ::"r"(arg)); }
static void far_jump(void) { asm volatile("ljmp *%0" ::"m"(far_pointer)); }
static void far_call(void) { asm volatile("lcall *%0" ::"m"(far_pointer)); }
static void inspect(void) {
  u32 lar = 0x5a5a, lsl = 0xa5a5, f;
  asm volatile("lar %3,%0; pushf; pop %2; lsl %3,%1" : "+r"(lar), "+r"(lsl), "=&r"(f) : "r"(arg));
  result = lar;
  arg2 = lsl;
  u32 r, w;
  asm volatile("verr %w2; pushf; pop %0; verw %w2; pushf; pop %1" : "=&r"(r), "=&r"(w) : "r"(arg));
  flags_out = (f & 64) | (r & 64) << 1 | (w & 64) << 2;
}
static void far_return(void) {
  asm volatile("pushl %0; pushl $1f; lret; 1:" ::"r"(arg));
}
static void iret_to(void) {
  asm volatile("pushf; pushl %0; pushl $1f; iret; 1:" ::"r"(arg));
}
static void iret_outer(void) {
  asm volatile("pushl %0; pushl %1; pushf; pushl %2; pushl $2f; iret; 2: int $0x80" ::"r"(arg2),
               "r"(user_stack + sizeof user_stack), "r"(arg));
}

/* Landing code for far transfers: works in any code segment based at 0. */
asm(".globl landing\nlanding: int $0x80\n"
    ".globl landing_return\nlanding_return: lret\n"
    ".globl landing_count\nlanding_count: lret $8\n");
extern u8 landing[], landing_return[], landing_count[];

static void user_body(void);
static void (*user_function)(void);
static u32 user_flags = 2;
static u32 user_code = SEL_USER_CODE, user_data = SEL_USER_DATA;
static void to_user(void) {
  u32 *sp = (u32 *)(user_stack + sizeof user_stack);
  enter((u32)user_body, user_code, user_flags, (u32)sp, user_data, user_data);
}
static void user_body(void) {
  user_function();
  asm volatile("int $0x80");
}
static void run_user(const char *name, void (*body)(void)) {
  user_function = body;
  run(name, to_user);
}

/* --- Descriptors ------------------------------------------------------------------------------- */

static void descriptors(void) {
  static const struct {
    const char *name;
    void (*body)(void);
  } loads[] = {{"ds", load_ds}, {"ss", load_ss}, {"fs", load_fs}, {"lldt", load_ldtr}, {"ltr", load_tr}};
  for (u32 access = 0; access < 256; access++) {
    /* Expand-down segments are usable as stacks with a low limit. */
    u32 limit = (access & 0x1c) == 0x14 ? 0 : 0xfffff;
    gdt[8] = segment(0, limit, access, 0xc);
    for (u32 rpl = 0; rpl < 4; rpl += 3) {
      arg = SEL_TEST | rpl;
      for (int i = 0; i < 5; i++) {
        int failed = attempt(loads[i].body);
        if (!failed && i >= 3) {
          print("  ");
        }
        print(loads[i].name);
        field("a", access);
        field("rpl", rpl);
        field("after", (u32)(gdt[8] >> 40) & 0xff);
        report("", failed);
        end_line();
        gdt[8] = segment(0, limit, access, 0xc);
      }
      asm volatile("lldt %w0" ::"r"(SEL_LDT));
      gdt[5] = segment((u32)&tss, sizeof tss - 1, 0x89, 0);
      asm volatile("ltr %w0" ::"r"(SEL_TSS));
      user_function = load_es;
      int failed = attempt(to_user);
      print("user es");
      field("a", access);
      field("rpl", rpl);
      report("", failed);
      end_line();
      attempt(inspect);
      print("inspect");
      field("a", access);
      field("rpl", rpl);
      field("lar", result);
      field("lsl", arg2);
      field("zf", flags_out);
      end_line();
      user_function = inspect;
      attempt(to_user);
      print("user inspect");
      field("lar", result);
      field("lsl", arg2);
      field("zf", flags_out);
      end_line();
    }
  }
  for (arg = 0; arg < 4; arg++) {
    run("null ds", load_ds);
    run("null ss", load_ss);
    run("null lldt", load_ldtr);
  }
  asm volatile("lldt %w0" ::"r"(SEL_LDT));
  arg = 0xfff8;
  run("beyond gdt", load_ds);
  arg = 0xffc;
  run("beyond ldt", load_ds);
  arg = 0xc | 3;
  run("ldt ds", load_ds);
  arg = SEL_TSS;
  run("busy ltr", load_tr);
  arg = 0x0c;
  run("ldt in ltr", load_tr);
  run("ldt in lldt", load_ldtr);
}

/* --- Far transfers ----------------------------------------------------------------------------- */

static void transfers(void) {
  /* A 16-bit gate cuts the landing's offset. */
  u8 *low = (u8 *)((u32)landing & 0xffff);
  low[0] = 0xcd;
  low[1] = 0x80;
  for (u32 access = 0; access < 256; access++) {
    u32 type = access & 0x1f;
    /* Task switches have their own part. */
    if (type == 1 || type == 3 || type == 9 || type == 11 || type == 5) continue;
    for (u32 rpl = 0; rpl < 4; rpl += 3) {
      static const char *const names[] = {"jmp", "call", "lret", "iret", "outer"};
      static void (*const bodies[])(void) = {far_jump, far_call, far_return, iret_to, iret_outer};
      for (int i = 0; i < 5; i++) {
        gdt[8] = type == 4 || type == 12 || type == 6 || type == 7 || type == 14 || type == 15
                     ? gate((u32)landing, SEL_CODE, access, 0)
                     : segment(0, 0xfffff, access, 0xc);
        set_far(SEL_TEST | rpl, (u32)landing);
        arg = SEL_TEST | rpl;
        arg2 = SEL_USER_DATA;
        for (int user = 0; user < 2; user++) {
          if (user && i == 4) continue;
          user_function = bodies[i];
          int failed = attempt(user ? to_user : bodies[i]);
          print(names[i]);
          field("user", user);
          field("a", access);
          field("rpl", rpl);
          /* The landing's own state shows privilege; a 16-bit gate's truncated offset may land anywhere. */
          report("", failed);
          end_line();
        }
      }
    }
  }
  /* Stack segments of an outward return. */
  arg = SEL_USER_CODE;
  static const u32 stacks[] = {0, 3, SEL_DATA, SEL_DATA | 3, SEL_USER_DATA, 0x20, SEL_USER_CODE, SEL_RING1_DATA, 0xfff8};
  for (u32 i = 0; i < sizeof stacks / 4; i++) {
    arg2 = stacks[i];
    run("outer ss", iret_outer);
  }
  /* Call gates with parameters, from ring 3 and back. */
  gdt[9] = gate((u32)landing_count, SEL_CODE, 0xec, 2);
  set_far(SEL_GATE | 3, 0);
  run_user("gate with parameters", far_call_parameters);
  gdt[9] = gate((u32)landing_return, SEL_CONFORMING, 0xec, 0);
  run_user("gate to conforming", far_call);
  run("gate from ring 0", far_call);
  gdt[9] = gate((u32)landing, SEL_RING1_CODE & ~3, 0xec, 0);
  run_user("gate to ring 1", far_call);
  gdt[8] = segment(0, 0x1fff, 0x9b, 0x4);
  set_far(SEL_TEST, 0x2000);
  run("jump beyond limit", far_jump);
  set_far(SEL_GATE | 3, 0);
  gdt[9] = gate((u32)landing, SEL_RING1_CODE & ~3, 0xec, 0);
  static const u32 inner[] = {0, 1, SEL_USER_DATA, SEL_RING1_CODE, SEL_RING1_DATA & ~3, 0xfff9};
  for (u32 i = 0; i < sizeof inner / 4; i++) {
    tss.ss1 = inner[i];
    run_user("gate to ring 1, bad ss1", far_call);
  }
  tss.ss1 = SEL_RING1_DATA;
}

/* --- Ports, flags, privileged instructions ------------------------------------------------------ */

static void in_byte(void) { asm volatile("inb %%dx,%%al" ::"d"(arg) : "eax"); }
static void in_word(void) { asm volatile("inw %%dx,%%ax" ::"d"(arg) : "eax"); }
static void in_long(void) { asm volatile("inl %%dx,%%eax" ::"d"(arg) : "eax"); }
static void do_cli(void) { asm volatile("cli"); }
static void do_sti(void) { asm volatile("sti; nop; cli"); }
static void do_hlt(void) { asm volatile("hlt"); }
static void do_popf(void) {
  u32 f;
  asm volatile("push %1; popf; pushf; pop %0; push $2; popf" : "=&r"(f) : "r"(arg));
  flags_out = f & SYSTEM_FLAGS;
}
static void do_int(void) { asm volatile("int $0x20"); }
static void do_int3(void) { asm volatile("int3"); }
static void do_into(void) { asm volatile("mov $0x7fffffff,%%eax; inc %%eax; into" ::: "eax"); }
static void do_bound(void) {
  static const int range[2] = {1, 5};
  asm volatile("bound %0,%1" ::"r"(arg), "m"(range));
}
static void do_icebp(void) { asm volatile(".byte 0xf1"); }
static void do_invlpg(void) { asm volatile("invlpg (%0)" ::"r"(0)); }
static void do_clts(void) { asm volatile("clts"); }
static void do_rdmsr(void) { asm volatile("rdmsr" ::"c"(arg) : "eax", "edx"); }
static void do_mov_cr(void) { asm volatile("mov %%cr0,%0" : "=r"(result)); }
static void do_mov_dr(void) { asm volatile("mov %%dr7,%0" : "=r"(result)); }
static void do_lgdt(void) { asm volatile("lgdt %0" ::"m"(far_pointer)); }
static void do_lmsw(void) { asm volatile("lmsw %w0" ::"r"(0)); }
static void do_wbinvd(void) { asm volatile("wbinvd"); }
static void do_ud2(void) { asm volatile("ud2"); }
static void do_sysenter(void) { asm volatile("sysenter"); }
static void do_cr4_bad(void) { asm volatile("mov %0,%%cr4" ::"r"(0x80000000)); }
static void do_cr0_bad(void) { asm volatile("mov %0,%%cr0" ::"r"(0x80000000)); }
static void do_cr0_nw(void) { asm volatile("mov %0,%%cr0" ::"r"(0x20000011)); }
static void do_arpl(void) {
  u32 f;
  asm volatile("arpl %w2,%w0; pushf; pop %1" : "+r"(arg), "=&r"(f) : "r"(arg2));
  flags_out = f & 64;
}

static void privileges(void) {
  static const struct {
    const char *name;
    void (*body)(void);
  } list[] = {
      {"cli", do_cli},       {"sti", do_sti},     {"hlt", do_hlt},       {"int 20", do_int},
      {"int3", do_int3},     {"into", do_into},   {"invlpg", do_invlpg},
      {"clts", do_clts},     {"rdmsr", do_rdmsr}, {"mov cr", do_mov_cr}, {"mov dr", do_mov_dr},
      {"lgdt", do_lgdt},     {"lmsw", do_lmsw},   {"wbinvd", do_wbinvd}, {"ud2", do_ud2},
      {"sysenter", do_sysenter},
  };
  arg = 0x10;
  for (u32 iopl = 0; iopl < 4; iopl++) {
    user_flags = 2 | iopl << 12;
    for (u32 i = 0; i < sizeof list / sizeof *list; i++) {
      print("iopl ");
      print_hex(iopl);
      print(" ");
      run_user(list[i].name, list[i].body);
    }
    for (arg = 0; arg < 0x400000; arg = arg ? arg << 1 : 1) {
      if (arg == 0x100) continue;
      attempt(do_popf);
      print("popf");
      field("in", arg);
      field("out", flags_out);
      end_line();
      user_function = do_popf;
      attempt(to_user);
      print("user popf");
      field("iopl", iopl);
      field("in", arg);
      field("out", flags_out);
      end_line();
    }
    arg = 0x10;
  }
  user_flags = 2;
  run("ring 0 int3", do_int3);
  run("ring 0 into", do_into);
  run("ring 0 ud2", do_ud2);
  for (arg = 0; arg < 7; arg++) run("bound", do_bound);
  for (u32 a = 0; a < 4; a++) {
    for (u32 b = 0; b < 4; b++) {
      arg = 0x1230 | a;
      arg2 = 0x4560 | b;
      do_arpl();
      print("arpl");
      field("r", arg);
      field("zf", flags_out);
      end_line();
    }
  }
  /* The I/O bitmap. */
  for (u32 i = 0; i < sizeof tss.bitmap; i++) tss.bitmap[i] = 0xff;
  tss.bitmap[0x80 / 8] = 0xf0;
  tss.bitmap[0x88 / 8] = 0xfe;
  tss.bitmap[8191] = 0;
  for (u32 i = 0x7e; i < 0x8a; i++) {
    arg = i;
    print_hex(i);
    run_user(" in byte", in_byte);
    print_hex(i);
    run_user(" in word", in_word);
    print_hex(i);
    run_user(" in long", in_long);
  }
  arg = 0xffff;
  run_user("in byte ffff", in_byte);
  run_user("in word ffff", in_word);
}

#include "system32tasks.h"
#include "system32paging.h"
#include "system32strict.h"

void main(void) {
  /* No interrupts from the 8259s. */
  outb(0x21, 0xff);
  outb(0xa1, 0xff);
  load_tables();
  print("descriptors\n");
  descriptors();
  print("transfers\n");
  transfers();
  print("privileges\n");
  privileges();
  tasks();
  virtual_mode();
  debug();
  gdt[18] = segment(0, 0xffff, 0x93, 0);
  print("real mode\n");
  real_mode();
  paging();
  strict();
  print("done\n");
  finish();
}
