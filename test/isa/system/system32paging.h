/* 32-bit paging with PSE, then PAE with NX: every combination of entry bits and access. */

static u32 directory[1024] __attribute__((aligned(4096)));
static u32 table0[1024] __attribute__((aligned(4096)));
static u32 table1[1024] __attribute__((aligned(4096)));
static u64 pdpt[4] __attribute__((aligned(4096)));
static u64 pae_directory[512] __attribute__((aligned(4096)));
static u64 pae_directory1[512] __attribute__((aligned(4096)));
static u64 pae_table[512] __attribute__((aligned(4096)));
static u8 target[8192] __attribute__((aligned(4096)));

/* The page under test is at 4 GiB / 4 = 0x40000000; the program itself is identity-mapped. */
#define WINDOW 0x40000000u

static void page_read(void) { result = *(volatile u32 *)(WINDOW + arg2); }
static void page_write(void) { *(volatile u32 *)(WINDOW + arg2) = 0xc3c3c3c3; }
static void page_modify(void) { asm volatile("lock addl $0,(%0)" ::"r"(WINDOW + arg2) : "memory"); }
static void page_execute(void) { ((void (*)(void))(WINDOW + arg2))(); }

static void flush(void) { asm volatile("mov %%cr3,%%eax; mov %%eax,%%cr3" ::: "eax", "memory"); }

static void set_cr0_bit(u32 bit, int on) {
  u32 cr0;
  asm volatile("mov %%cr0,%0" : "=r"(cr0));
  cr0 = on ? cr0 | bit : cr0 & ~bit;
  asm volatile("mov %0,%%cr0" ::"r"(cr0) : "memory");
}
static void set_cr4_bit(u32 bit, int on) {
  u32 cr4;
  asm volatile("mov %%cr4,%0" : "=r"(cr4));
  cr4 = on ? cr4 | bit : cr4 & ~bit;
  asm volatile("mov %0,%%cr4" ::"r"(cr4) : "memory");
}

static const struct {
  const char *name;
  void (*body)(void);
} accesses[] = {{"read", page_read}, {"write", page_write}, {"execute", page_execute}};

static void page_line(const char *name, int user, int failed, u64 upper, u64 lower) {
  print(name);
  field("u", user);
  field("pde", upper);
  field("pte", lower);
  if (failed && seen != 0x80) {
    field("v", seen);
    field("e", seen_code);
    field("cr2", seen_cr2);
  }
}

static void try_pages(u64 *upper64, u64 *lower64, u32 *upper32, u32 *lower32, u64 upper, u64 lower) {
  for (int user = 0; user < 2; user++) {
    for (int i = 0; i < 3; i++) {
      if (upper64) {
        *upper64 = upper;
        if (lower64) *lower64 = lower;
      } else {
        *upper32 = upper;
        if (lower32) *lower32 = lower;
      }
      for (u32 k = 0; k < sizeof target; k++) target[k] = 0xc3;
      flush();
      user_function = accesses[i].body;
      int failed = attempt(user ? to_user : accesses[i].body);
      page_line(accesses[i].name, user, failed, upper64 ? *upper64 : *upper32,
                upper64 ? (lower64 ? *lower64 : 0) : lower32 ? *lower32 : 0);
      end_line();
    }
  }
}

static void legacy_pages(void) {
  arg2 = 0;
  for (u32 i = 0; i < 1024; i++) table0[i] = i << 12 | 7;
  directory[0] = (u32)table0 | 7;
  /* The rest of what the program uses lies below 4 MiB. */
  asm volatile("mov %0,%%cr3" ::"r"(directory));
  set_cr0_bit(0x80000000, 1);
  u32 physical = (u32)target;
  for (int wp = 0; wp < 2; wp++) {
    set_cr0_bit(0x10000, wp);
    print(wp ? "32-bit paging, wp\n" : "32-bit paging\n");
    for (u32 pde = 0; pde < 8; pde++) {
      for (u32 pte = 0; pte < 8; pte++) {
        try_pages(0, 0, &directory[WINDOW >> 22], &table1[0], (u32)table1 | pde, physical | pte);
      }
    }
    try_pages(0, 0, &directory[WINDOW >> 22], &table1[0], (u32)table1 | 7, physical | 0x67);
    try_pages(0, 0, &directory[WINDOW >> 22], &table1[0], (u32)table1 | 0x87, physical | 7);
    set_cr4_bit(0x10, 1);
    u32 large = physical & 0xffc00000;
    arg2 = physical & 0x3fffff;
    for (u32 pde = 0; pde < 8; pde++) {
      try_pages(0, 0, &directory[WINDOW >> 22], 0, large | 0x80 | pde, 0);
    }
    try_pages(0, 0, &directory[WINDOW >> 22], 0, large | 0x200087, 0);
    set_cr4_bit(0x10, 0);
    arg2 = 0;
  }
  /* An access across two pages, the second one missing. */
  directory[WINDOW >> 22] = (u32)table1 | 7;
  table1[0] = physical | 7;
  table1[1] = 0;
  flush();
  arg2 = 0xffe;
  run("read across", page_read);
  run("write across", page_write);
  print("bytes");
  field("low", target[0xffe]);
  end_line();
  table1[1] = (physical + 4096) | 5;
  flush();
  run("write across to read-only", page_write);
  table1[1] = (physical + 4096) | 7;
  asm volatile("invlpg (%0)" ::"r"(WINDOW + 4096) : "memory");
  run("write across after invlpg", page_write);
  field("low", target[0xffe]);
  field("high", target[0x1001]);
  end_line();
  arg2 = 0;
  /* SMEP: a user page executed by the supervisor. */
  directory[WINDOW >> 22] = (u32)table1 | 7;
  table1[0] = physical | 7;
  target[0] = 0xc3;
  for (u32 i = 0; i < 1024; i++) table0[i] = i << 12 | 3;
  flush();
  set_cr4_bit(1 << 20, 1);
  run("smep execute", page_execute);
  run("smep read", page_read);
  set_cr4_bit(1 << 20, 0);
}

static void double_fault_body(void) {
  /* #GP whose delivery faults: gate 13 not present. */
  asm volatile("mov %0,%%ds" ::"r"(0xfff8));
}

static void pae_pages(void) {
  set_cr0_bit(0x80000000, 0);
  pdpt[0] = (u32)pae_directory | 1;
  pdpt[1] = (u32)pae_directory1 | 1;
  for (u32 i = 0; i < 4; i++) pae_directory[i] = (u64)i << 21 | 0x87;
  set_cr4_bit(0x20, 1);
  asm volatile("mov %0,%%cr3" ::"r"(pdpt));
  set_cr0_bit(0x80000000, 1);
  u32 physical = (u32)target;
  for (int nx = 0; nx < 2; nx++) {
    asm volatile("rdmsr; and $~0x800,%%eax; or %0,%%eax; wrmsr" ::"r"(nx << 11), "c"(0xc0000080) : "eax", "edx");
    for (int wp = 0; wp < 2; wp++) {
      set_cr0_bit(0x10000, wp);
      print("pae");
      field("nx", nx);
      field("wp", wp);
      end_line();
      for (u32 pde = 1; pde < 8; pde += 2) {
        for (u32 pte = 0; pte < 8; pte++) {
          try_pages(&pae_directory1[0], &pae_table[0], 0, 0, (u32)pae_table | pde, physical | pte);
        }
      }
      u64 high = 1ull << 63;
      try_pages(&pae_directory1[0], &pae_table[0], 0, 0, (u32)pae_table | 7 | high, physical | 7);
      try_pages(&pae_directory1[0], &pae_table[0], 0, 0, (u32)pae_table | 7, physical | 7 | high);
      try_pages(&pae_directory1[0], &pae_table[0], 0, 0, (u32)pae_table | 7, physical | 7 | 1ull << 51);
      try_pages(&pae_directory1[0], &pae_table[0], 0, 0, (u32)pae_table | 7 | 1ull << 51, physical | 7);
      try_pages(&pae_directory1[0], &pae_table[0], 0, 0, (u32)pae_table | 7, physical | 7 | 1ull << 62);
      arg2 = physical & 0x1fffff;
      for (u32 pde = 1; pde < 8; pde += 2) {
        try_pages(&pae_directory1[0], 0, 0, 0, (physical & ~0x1fffff) | 0x80 | pde, 0);
      }
      try_pages(&pae_directory1[0], 0, 0, 0, (physical & ~0x1fffff) | 0x2087, 0);
      arg2 = 0;
    }
  }
  set_cr0_bit(0x10000, 0);
}

static void paging(void) {
  print("paging\n");
  u64 saved = idt[13];
  idt[13] = gate((u32)stubs + 16 * 13, SEL_CODE, 0x0e, 0);
  run("absent #GP gate", double_fault_body);
  idt[13] = gate((u32)stubs + 16 * 13, SEL_DATA, 0x8e, 0);
  run("#GP gate to data", double_fault_body);
  idt[13] = gate((u32)stubs + 16 * 13, 0, 0x8e, 0);
  run("#GP gate to null", double_fault_body);
  idt[13] = saved;
  saved = idt[0x20];
  idt[0x20] = gate(0, 0, 0x8e, 0);
  run("int to null", do_int);
  idt[0x20] = gate(0, SEL_CODE, 0x0e, 0);
  run("int to absent", do_int);
  idt[0x20] = gate(0, SEL_CODE, 0x82, 0);
  run("int to bad type", do_int);
  idt[0x20] = saved;
  legacy_pages();
  pae_pages();
}
