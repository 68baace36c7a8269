/* What QEMU's TCG does not check; see system32strict.h. */

static void expect(const char *name, void (*body)(void), int vector, u64 code) {
  int failed = attempt(body);
  int got = failed ? (int)seen : -1;
  if (got == vector && (vector < 0 || seen_code == code)) return;
  print("strict mismatch: ");
  report(name, failed);
  field("expected", vector);
  field("code", code);
  end_line();
}

static void check(const char *name, int good) {
  if (good) return;
  print("strict mismatch: ");
  print(name);
  end_line();
}

/* PCIDs: a new one sees the new entry, INVPCID drops the old one's (TCG has neither). */
static void contexts(u64 cr4) {
  volatile u32 *window = (volatile u32 *)WINDOW;
  u64 l1 = (u64)target, cr3 = (u64)pml4;
  asm volatile("mov %0,%%cr4" ::"r"(cr4 | 0x20000) : "memory");
  table1[0] = l1 | 7;
  asm volatile("mov %0,%%cr3" ::"r"(cr3 | 1) : "memory");
  u32 first = window[0];
  table1[0] = (l1 + 4096) | 7;
  asm volatile("mov %0,%%cr3" ::"r"(cr3 | 2) : "memory");
  check("pcid 2", first == 1 && window[0] == 2);
  asm volatile("mov %0,%%cr3" ::"r"(cr3 | 1 | 1ull << 63) : "memory");
  asm volatile("mov %0,%%cr3" ::"r"(cr3 | 2 | 1ull << 63) : "memory");
  static u64 descriptor[2] = {1, 0};
  asm volatile("invpcid %1,%0" ::"r"(1ull), "m"(descriptor) : "memory");
  asm volatile("mov %0,%%cr3" ::"r"(cr3 | 1 | 1ull << 63) : "memory");
  check("invpcid drops", window[0] == 2);
  table1[0] = l1 | 7;
  asm volatile("mov %0,%%cr3" ::"r"(cr3 | 1) : "memory");
  check("cr3 drops", window[0] == 1);
  asm volatile("mov %0,%%cr3" ::"r"(cr3) : "memory");
  for (arg = 0; arg < 4; arg++) {
    for (arg2 = 0; arg2 < 2; arg2++) expect("invpcid", do_invpcid, -1, 0);
  }
  asm volatile("mov %0,%%cr4" ::"r"(cr4) : "memory");
  arg2 = 1;
  arg = 1;
  expect("invpcid of pcid 1 without pcide", do_invpcid, 13, 0);
  arg = 4;
  expect("invpcid bad type", do_invpcid, 13, 0);
  arg = 0;
  arg2 = 0x1000;
  expect("invpcid reserved", do_invpcid, 13, 0);
  arg2 = 0;
  user_function = do_invpcid;
  expect("invpcid user", to_user, 13, 0);
}

/* Non-canonical addresses: #GP(0), or #SS(0) by way of the stack; also across the boundary. */
static void canonical(void) {
  static const u64 list[] = {0x7ffffffffff9, 0x800000000000, 0xffff7ffffffffff8, 0xffff7ffffffffff9};
  for (u32 i = 0; i < sizeof list / 8; i++) {
    arg = list[i];
    expect("read", read_arg, 13, 0);
    expect("write", write_arg, 13, 0);
    user_function = stack_arg;
    expect("pop", to_user, 12, 0);
    expect("frame", frame_arg, 12, 0);
    if (i == 0) continue;
    expect("call", call_arg, 13, 0);
    check("call's address", seen_rip != arg);
    expect("wrfsbase", wrfs_arg, 13, 0);
  }
  arg = 0x800000000000;
  static const u32 registers[] = {0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101, 0xc0000102, 0x175, 0x176};
  for (u32 i = 0; i < sizeof registers / 4; i++) {
    arg2 = registers[i];
    expect("msr", wrmsr_arg, 13, 0);
  }
  /* On Intel's processors SYSRET faults before it leaves ring 0. */
  expect("sysret", sysret64, 13, 0);
  check("sysret's level", (seen_cs & 3) == 0);
  gate(&gdt[11], 0x800000000000, SEL_CODE, 0xec, 0);
  set_far(SEL_GATE | 3, 0);
  user_function = far_call;
  expect("call gate", to_user, 13, 0);
  gate(&idt[2 * 0x90], 0x800000000000, SEL_CODE, 0xee, 0);
  expect("gate", int90, 13, 0);
}

/* Error codes of the IDT: vector * 8 + 2 in 64-bit mode too (TCG: * 16). */
static void gates(void) {
  static const struct {
    u32 access, vector, user_vector;
  } list[] = {{0x8e, 0x90, 13}, {0xef, 0x90, 0x90}, {0x6e, 11, 11}, {0xe6, 13, 13}, {0xec, 13, 13}, {0xe5, 13, 13}, {0xfe, 13, 13}};
  for (u32 i = 0; i < sizeof list / sizeof *list; i++) {
    gate(&idt[2 * 0x90], (u64)stubs + 16 * 0x90, SEL_CODE, list[i].access, 0);
    expect("gate access", int90, list[i].vector, list[i].vector == 0x90 ? 0 : 0x482);
    user_function = int90;
    expect("gate access, user", to_user, list[i].user_vector, list[i].user_vector == 0x90 ? 0 : 0x482);
  }
}

static void strict(void) {
  u8 answer;
  asm volatile("inb $0xe9,%0" : "=a"(answer));
  if (answer == 0xe9) return;
  for (arg = 1; arg < 4; arg++) expect("null ss, wrong rpl", load_ss, 13, 0);
  gdt[9] = segment(0, 0xff, 0x89, 0);
  gdt[10] = 0x8000;
  arg = SEL_TEST;
  expect("ltr beyond canonical", load_tr, 13, SEL_TEST);
  gdt[10] = 0;
  gdt[9] = segment(0, 0xff, 0x81, 0);
  expect("ltr of a 16-bit tss", load_tr, 13, SEL_TEST);
  u64 cr0, cr3, cr4;
  asm volatile("mov %%cr0,%0; mov %%cr3,%1; mov %%cr4,%2" : "=r"(cr0), "=r"(cr3), "=r"(cr4));
  contexts(cr4);
  canonical();
  gates();
  arg = SEL_CODE;
  for (arg2 = 1; arg2 < 4; arg2++) expect("iret to null ss", iret_to, 13, 0);
  gdt[10] = 0;
  gdt[9] = segment(0, 0xfffff, 0x9b, 0xe);
  set_far(SEL_TEST, (u32)(u64)landing);
  expect("code with l and d", far_jump, 13, SEL_TEST);
  arg2 = 0xc0000080;
  arg = 0x401;
  expect("efer without lme", wrmsr_arg, 13, 0);
  arg = 0xf01 | 1 << 20;
  expect("efer reserved", wrmsr_arg, 13, 0);
  arg2 = 0x12345;
  expect("unknown msr read", rdmsr_arg, 13, 0);
  expect("unknown msr write", wrmsr_arg, 13, 0);
  arg = cr0 & ~0x80000000ull;
  expect("cr0 without pg", cr0_arg, 13, 0);
  arg = cr0 | 1ull << 32;
  expect("cr0 high half", cr0_arg, 13, 0);
  arg = cr4 & ~0x20ull;
  expect("cr4 without pae", cr4_arg, 13, 0);
  arg = cr4 | 1 << 12;
  expect("cr4 la57", cr4_arg, 13, 0);
  arg = cr3 | 1ull << 52;
  expect("cr3 reserved", cr3_arg, 13, 0);
  arg = cr3 | 8;
  expect("cr3 with pwt", cr3_arg, -1, 0);
  arg = cr4 | 0x20000;
  expect("pcide with cr3 bits", cr4_arg, 13, 0);
  arg = cr3;
  expect("cr3 plain", cr3_arg, -1, 0);
  arg = 16;
  expect("cr8 too large", cr8_arg, 13, 0);
  arg = 0x800000000000;
  expect("lgdt non-canonical", lgdt_arg, 13, 0);
  arg2 = 0x277;
  arg = 2;
  expect("reserved pat type", wrmsr_arg, 13, 0);
  print("strict done\n");
}
