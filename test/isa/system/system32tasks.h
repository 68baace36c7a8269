/* Task switches, virtual-8086 mode, debug registers. */

static volatile u32 task_count, task_flags, task_cr0;

static void task2_body(void) {
  for (;;) {
    u32 f, cr0;
    u16 tr;
    asm volatile("pushf; pop %0; mov %%cr0,%1; str %2" : "=&r"(f), "=&r"(cr0), "=&r"(tr));
    print("  in task 2");
    field("tr", tr);
    field("fl", f & SYSTEM_FLAGS);
    field("ts", cr0 >> 3 & 1);
    field("link", task2.link);
    field("busy1", (u32)(gdt[5] >> 40) & 0xff);
    field("busy2", (u32)(gdt[6] >> 40) & 0xff);
    end_line();
    asm volatile("clts");
    task_count++;
    if (f & 0x4000) {
      asm volatile("iret");
    } else {
      set_far(SEL_TSS, 0);
      asm volatile("ljmp *%0" ::"m"(far_pointer));
    }
  }
}

static void reset_task2(void) {
  u32 cr3;
  asm volatile("mov %%cr3,%0" : "=r"(cr3));
  task2.link = 0x1234;
  task2.cr3 = cr3;
  task2.eip = (u32)task2_body;
  task2.eflags = 2;
  task2.esp = (u32)(task_stack + sizeof task_stack);
  task2.cs = SEL_CODE;
  task2.ss = task2.ds = task2.es = task2.fs = task2.gs = SEL_DATA;
  task2.ldt = 0;
  task2.trap = 0;
  task2.iomap = 0x8000;
  gdt[6] = segment((u32)&task2, sizeof task2 - 1, 0x89, 0);
}

static void reset_tr(void) {
  gdt[5] = segment((u32)&tss, sizeof tss - 1, 0x89, 0);
  asm volatile("ltr %w0" ::"r"(SEL_TSS));
  asm volatile("push $2; popf; clts");
  asm volatile("lldt %w0" ::"r"(SEL_LDT));
}

static void task_case(const char *name, void (*body)(void)) {
  int failed = attempt(body);
  u16 tr;
  asm volatile("str %0" : "=r"(tr));
  print(name);
  report("", failed);
  field("tr", tr);
  field("count", task_count);
  field("link", task2.link);
  field("nt", tss.eflags >> 14 & 1);
  field("busy1", (u32)(gdt[5] >> 40) & 0xff);
  field("busy2", (u32)(gdt[6] >> 40) & 0xff);
  end_line();
  reset_tr();
  reset_task2();
}

static void task_call(void) { asm volatile("lcall *%0" ::"m"(far_pointer)); }
static void task_jump(void) { asm volatile("ljmp *%0" ::"m"(far_pointer)); }
static void task_int(void) { asm volatile("int $0x90"); }
static void task_ud(void) { asm volatile("ud2"); }
static void nt_iret(void) { asm volatile("pushf; orl $0x4000,(%esp); popf; iret"); }

static void tasks(void) {
  print("tasks\n");
  reset_task2();
  set_far(SEL_TASK2, 0x999);
  task_case("call tss", task_call);
  set_far(SEL_TASK2, 0);
  task_case("jump tss", task_jump);
  set_far(SEL_TASK_GATE, 0);
  task_case("call task gate", task_call);
  task_case("jump task gate", task_jump);
  set_far(SEL_TASK2 | 3, 0);
  task_case("rpl too low", task_call);
  set_far(SEL_TSS, 0);
  task_case("call self", task_call);
  task_case("jump self", task_jump);
  set_far(SEL_TASK2, 0);
  gdt[6] = segment((u32)&task2, 0x66, 0x89, 0);
  task_case("short tss", task_call);
  gdt[6] = segment((u32)&task2, sizeof task2 - 1, 0x09, 0);
  task_case("absent tss", task_call);
  idt[0x90] = gate(0, SEL_TASK2, 0xe5, 0);
  task_case("interrupt task gate", task_int);
  user_function = task_int;
  task_case("interrupt task gate from ring 3", to_user);
  set_far(SEL_TASK_GATE | 3, 0);
  user_function = task_call;
  task_case("call task gate from ring 3", to_user);
  static const struct {
    const char *name;
    u32 *field;
    u32 value;
  } bad[] = {
      /* Not CS, SS and LDTR: their faults need a task of their own to be handled. */
      {"bad ds", &task2.ds, 0xfff8},
      {"system es", &task2.es, SEL_TSS},  {"good ldt", &task2.ldt, SEL_LDT},
  };
  for (u32 i = 0; i < sizeof bad / sizeof *bad; i++) {
    *bad[i].field = bad[i].value;
    set_far(SEL_TASK2, 0);
    task_case(bad[i].name, task_jump);
  }
  tss.link = SEL_DATA;
  task_case("iret with nt to data", nt_iret);
  tss.link = SEL_TASK2;
  task_case("iret with nt to available", nt_iret);
  tss.link = 0;
  task_case("iret with nt to null", nt_iret);
  /* An error code on the new task's stack: #NP through a task gate. */
  idt[11] = gate(0, SEL_TASK2, 0x85, 0);
  idt[11] = gate((u32)stubs + 16 * 11, SEL_CODE, 0x8e, 0);
  idt[0x90] = gate((u32)stubs + 16 * 0x90, SEL_CODE, 0xee, 0);
}

/* --- Virtual-8086 mode: code at 0x8000 ------------------------------------------------------------ */

static u32 v86_flags;
static void v86_run(void) { enter_v86(0x8000, 0, v86_flags); }

static void v86_case(const char *name, const u8 *code, u32 length) {
  for (u32 iopl = 0; iopl < 4; iopl += 3) {
    for (u32 i = 0; i < length; i++) ((volatile u8 *)0x8000)[i] = code[i];
    ((volatile u8 *)0x8000)[length] = 0xcd;
    ((volatile u8 *)0x8000)[length + 1] = 0x80;
    v86_flags = 0x20002 | iopl << 12;
    int failed = attempt(v86_run);
    print("v86 ");
    print(name);
    field("iopl", iopl);
    report("", failed);
    end_line();
  }
}
#define V86(name, ...)                        \
  do {                                        \
    static const u8 code[] = {__VA_ARGS__};   \
    v86_case(name, code, sizeof code);        \
  } while (0)

static void virtual_mode(void) {
  print("v86\n");
  V86("nothing", 0x90);
  V86("cli", 0xfa);
  V86("sti", 0xfb);
  V86("pushf", 0x9c);
  V86("popf", 0x9d);
  V86("pushfd", 0x66, 0x9c);
  V86("int 20", 0xcd, 0x20);
  V86("int 3", 0xcc);
  V86("into", 0xb8, 0xff, 0x7f, 0x40, 0xce);
  V86("hlt", 0xf4);
  V86("in 80", 0xe4, 0x80);
  V86("in 90", 0xe4, 0x90);
  V86("lgdt", 0x0f, 0x01, 0x16, 0x00, 0x90);
  V86("mov cr0", 0x0f, 0x20, 0xc0);
  V86("lar", 0x0f, 0x02, 0xc0);
  V86("arpl", 0x63, 0xc0);
  V86("sldt", 0x0f, 0x00, 0xc0);
  V86("mov ds", 0xb8, 0x00, 0x20, 0x8e, 0xd8, 0x8c, 0xd9, 0x89, 0x0e, 0x00, 0x00);
  V86("far jump", 0xea, 0x05, 0x80, 0x00, 0x00);
  V86("far call", 0x9a, 0x05, 0x80, 0x00, 0x00);
  V86("push pop", 0x50, 0x5b);
  V86("ud2", 0x0f, 0x0b);
  V86("smsw", 0x0f, 0x01, 0xe0);
  /* int 0x80 through a gate to a conforming and to a ring-3 segment is #GP. */
  idt[0x91] = gate((u32)stubs + 16 * 0x91, SEL_CONFORMING, 0xee, 0);
  V86("gate to conforming", 0xcd, 0x91);
  idt[0x91] = gate((u32)stubs + 16 * 0x91, SEL_USER_CODE, 0xee, 0);
  V86("gate to ring 3", 0xcd, 0x91);
  idt[0x91] = gate((u32)stubs + 16 * 0x91, SEL_CODE, 0xee, 0);
}

/* --- Debug registers ------------------------------------------------------------------------------ */

static void set_dr7(u32 value) { asm volatile("mov %0,%%dr7" ::"r"(value)); }
static void set_dr0(u32 value) { asm volatile("mov %0,%%dr0" ::"r"(value)); }
static void set_dr1(u32 value) { asm volatile("mov %0,%%dr1" ::"r"(value)); }
static volatile u32 watched[4];

static void stepped(void) {
  asm volatile("pushf; orl $0x100,(%%esp); popf; nop; mov %%eax,%%eax; pushf; andl $~0x100,(%%esp); popf; nop" ::: "memory");
}
static void step_ss(void) {
  asm volatile("pushf; orl $0x100,(%%esp); popf; mov %%ss,%%eax; mov %%eax,%%ss; nop; pushf; andl $~0x100,(%%esp); popf" ::: "eax");
}
static void step_rep(void) {
  static u8 from[4], to[4];
  asm volatile("pushf; orl $0x100,(%%esp); popf; rep movsb; pushf; andl $~0x100,(%%esp); popf" ::"S"(from), "D"(to), "c"(3) : "memory");
}
static void step_int(void) {
  asm volatile("pushf; orl $0x100,(%esp); popf; int $0x81; pushf; andl $~0x100,(%esp); popf");
}
static void touch_data(void) {
  watched[0] = 1;
  asm volatile("nop");
  result = watched[0];
  asm volatile("nop");
  ((volatile u8 *)watched)[3] = 1;
  asm volatile("nop");
  watched[1] = 2;
  asm volatile("nop");
  asm volatile("push %0; pop %1" ::"m"(watched[0]), "m"(watched[2]));
  asm volatile("nop");
}
extern u8 break_here[];
static void break_code(void) {
  asm volatile("nop; .globl break_here; break_here: nop; nop");
}
static void break_after_ss(void) {
  asm volatile("mov %%ss,%%eax; mov %%eax,%%ss; .globl break_ss; break_ss: nop; nop" ::: "eax");
}
extern u8 break_ss[];
static void general_detect(void) {
  set_dr7(0x2400);
  asm volatile("mov %%dr0,%0" : "=r"(result));
}
static void dr4_with_de(void) {
  asm volatile("mov %%dr4,%0" : "=r"(result));
}
static void out_watched(void) {
  asm volatile("outb %%al,$0x80; nop; inb $0x80,%%al; nop; inb $0x81,%%al; nop" ::: "eax");
}

static void debug(void) {
  print("debug\n");
  resume_traps = 1;
  run("single step", stepped);
  run("step mov ss", step_ss);
  run("step rep", step_rep);
  run("step int", step_int);
  set_dr0((u32)&watched[0]);
  set_dr7(0x000d0402);
  run("write watch", touch_data);
  set_dr7(0x000f0402);
  run("access watch", touch_data);
  set_dr7(0x00010402);
  run("byte write watch", touch_data);
  set_dr1((u32)&watched[2]);
  set_dr7(0x00df0408 | 2);
  run("two watches", touch_data);
  resume_traps = 2;
  set_dr0((u32)break_here);
  set_dr7(0x00000402);
  run("code breakpoint", break_code);
  resume_traps = 0;
  set_dr7(0x400);
  run("dr4 without de", dr4_with_de);
  asm volatile("mov %%cr4,%%eax; or $8,%%eax; mov %%eax,%%cr4" ::: "eax");
  run("dr4 with de", dr4_with_de);
  resume_traps = 1;
  set_dr0(0x80);
  set_dr7(0x00020402);
  run("port watch", out_watched);
  set_dr7(0x400);
  resume_traps = 0;
}
