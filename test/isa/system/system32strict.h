/*
 * What QEMU's TCG does not check (segment limits, reserved bits): run on our core only, and compared with
 * expectations from the manual, which are computed or written here. Prints mismatches alone.
 */

static void set_fs_and_read(void) { asm volatile("mov %1,%%fs; mov %%fs:(%2),%0" : "=r"(result) : "r"(arg), "r"(arg2)); }
static void set_fs_and_read_byte(void) { asm volatile("mov %1,%%fs; movb %%fs:(%2),%b0" : "=q"(result) : "r"(arg), "r"(arg2)); }
static void set_fs_and_write(void) { asm volatile("mov %0,%%fs; movl %2,%%fs:(%1)" ::"r"(arg), "r"(arg2), "r"(0)); }
static void null_ltr(void) { asm volatile("ltr %w0" ::"r"(0)); }

/* Expected vector (-1: none) and error code. */
static void expect(const char *name, void (*body)(void), int vector, u32 code) {
  int failed = attempt(body);
  int got = failed ? (int)seen : -1;
  if (got == vector && (vector < 0 || seen_code == code)) return;
  print("strict mismatch: ");
  report(name, failed);
  field("at", arg2);
  field("expected", vector);
  field("code", code);
  end_line();
}

static void limits(void) {
  static const u32 offsets[] = {0, 0x1fc, 0x1fd, 0x1ff, 0x200, 0xffc, 0xffd, 0xfff, 0x1000, 0x1001,
                                0xfffc, 0xfffd, 0xffff, 0x10000, 0xfffffffc, 0xfffffffd, 0xffffffff};
  arg = SEL_TEST;
  for (u32 i = 0; i < sizeof offsets / 4; i++) {
    u64 at = offsets[i];
    arg2 = offsets[i];
    /* Up to 0x1ff; a page-granular 0..0x1fff that is read-only. */
    gdt[8] = segment(0x200000, 0x1ff, 0x93, 0x4);
    expect("small read", set_fs_and_read, at + 3 <= 0x1ff ? -1 : 13, 0);
    expect("small byte", set_fs_and_read_byte, at <= 0x1ff ? -1 : 13, 0);
    expect("small write", set_fs_and_write, at + 3 <= 0x1ff ? -1 : 13, 0);
    gdt[8] = segment(0x200000, 0x1, 0x91, 0xc);
    expect("pages read", set_fs_and_read, at + 3 <= 0x1fff ? -1 : 13, 0);
    expect("read-only write", set_fs_and_write, 13, 0);
    /* Expand-down: 0x1000..4 GiB - 1, then 0x1000..0xffff. */
    gdt[8] = segment(0x200000, 0xfff, 0x97, 0x4);
    expect("down read", set_fs_and_read, at > 0xfff && at + 3 <= 0xffffffff ? -1 : 13, 0);
    expect("down byte", set_fs_and_read_byte, at > 0xfff ? -1 : 13, 0);
    gdt[8] = segment(0x200000, 0xfff, 0x97, 0x0);
    expect("down16 write", set_fs_and_write, at > 0xfff && at + 3 <= 0xffff ? -1 : 13, 0);
    expect("down16 byte", set_fs_and_read_byte, at > 0xfff && at <= 0xffff ? -1 : 13, 0);
  }
  arg2 = 0;
  gdt[8] = segment(0, 0xfffff, 0x99, 0xc);
  expect("read execute-only", set_fs_and_read, 13, SEL_TEST);
  gdt[8] = segment(0, 0xfffff, 0x9b, 0xc);
  expect("write code", set_fs_and_write, 13, 0);
  expect("read code", set_fs_and_read, -1, 0);
  arg = 0;
  expect("read null", set_fs_and_read, 13, 0);
}

extern u8 break_ss[];

/* #PF of a read-modify-write is a write's (QEMU reports a read). */
static void modifications(void) {
  static const u32 entries[] = {0, 1, 3, 5, 7};
  for (u32 i = 0; i < 5; i++) {
    pae_directory1[0] = (u32)pae_table | 7;
    pae_table[0] = (u32)target | entries[i];
    set_cr0_bit(0x10000, 1);
    flush();
    u32 present = entries[i] & 1;
    expect("modify", page_modify, entries[i] & 2 ? -1 : 14, 2 | present);
    user_function = page_modify;
    expect("user modify", to_user, entries[i] == 7 ? 0x80 : 14, entries[i] == 7 ? 0 : 6 | present);
  }
}

static void strict_debug(void) {
  set_dr0((u32)break_ss);
  set_dr7(0x402);
  expect("code breakpoint after mov ss", break_after_ss, -1, 0);
  set_dr7(0x400);
  expect("general detect", general_detect, 1, 0);
  u32 dr6, dr7;
  asm volatile("mov %%dr6,%0; mov %%dr7,%1" : "=r"(dr6), "=r"(dr7));
  if ((dr6 & 0x2000) == 0 || dr7 != 0x400) print("strict mismatch: general detect\n");
}

static void strict(void) {
  u8 answer;
  asm volatile("inb $0xe9,%0" : "=a"(answer));
  if (answer == 0xe9) return;
  limits();
  modifications();
  strict_debug();
  expect("null ltr", null_ltr, 13, 0);
  gdt[8] = segment(0, 0x1fff, 0x9b, 0x4);
  set_far(SEL_TEST, 0x2000);
  expect("call beyond limit", far_call, 13, 0);
  gdt[9] = gate((u32)landing, SEL_RING1_CODE & ~3, 0xec, 0);
  set_far(SEL_GATE | 3, 0);
  gdt[12] = segment(0, 0xfffff, 0x33, 0xc);
  user_function = far_call;
  expect("gate to ring 1, absent ss1", to_user, 12, SEL_RING1_DATA & ~3);
  gdt[12] = segment(0, 0xfffff, 0xb3, 0xc);
  expect("icebp", do_icebp, 1, 0);
  user_function = do_icebp;
  expect("user icebp", to_user, 1, 0);
  arg = 0x12345;
  expect("unknown msr", do_rdmsr, 13, 0);
  expect("cr4 reserved", do_cr4_bad, 13, 0);
  expect("cr0 pg without pe", do_cr0_bad, 13, 0);
  expect("cr0 nw without cd", do_cr0_nw, 13, 0);
  print("strict done\n");
}
