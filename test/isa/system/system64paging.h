/* 4-level paging: bits of every level, large pages, reserved bits, and what INVLPG and PCIDs must drop. */

static u64 pdpt1[512] __attribute__((aligned(4096)));
static u64 directory1[512] __attribute__((aligned(4096)));
static u64 table1[512] __attribute__((aligned(4096)));
static u8 target[8192] __attribute__((aligned(4096)));

#define WINDOW 0x8000000000ull /* PML4 entry 1 */

static void page_read(void) { result = *(volatile u32 *)(WINDOW + arg2); }
static void page_write(void) { *(volatile u32 *)(WINDOW + arg2) = 0xc3c3c3c3; }
static void page_execute(void) { ((void (*)(void))(WINDOW + arg2))(); }
static void flush(void) { asm volatile("mov %%cr3,%%rax; mov %%rax,%%cr3" ::: "rax", "memory"); }
static void set_wp(int on) {
  u64 cr0;
  asm volatile("mov %%cr0,%0" : "=r"(cr0));
  cr0 = on ? cr0 | 0x10000 : cr0 & ~0x10000ull;
  asm volatile("mov %0,%%cr0" ::"r"(cr0) : "memory");
}

static const struct {
  const char *name;
  void (*body)(void);
} accesses[] = {{"read", page_read}, {"write", page_write}, {"execute", page_execute}};

/* Entries of the four levels as given; prints them after the access too. */
static void try_page(u64 l4, u64 l3, u64 l2, u64 l1) {
  for (int user = 0; user < 2; user++) {
    for (int i = 0; i < 3; i++) {
      for (u32 k = 0; k < sizeof target; k++) target[k] = 0xc3;
      pml4[1] = l4;
      pdpt1[0] = l3;
      directory1[0] = l2;
      table1[0] = l1;
      flush();
      user_function = accesses[i].body;
      int failed = attempt(user ? to_user : accesses[i].body);
      print(accesses[i].name);
      field("u", user);
      field("l4", pml4[1]);
      /* TCG sets the accessed bit of a 1 GiB page before it finds the fault. */
      field("l3", failed && !l2 ? pdpt1[0] & ~0x20ull : pdpt1[0]);
      field("l2", directory1[0]);
      field("l1", table1[0]);
      if (failed && seen != 0x80) {
        field("v", seen);
        field("e", seen_code);
        field("cr2", seen_cr2);
      }
      end_line();
    }
  }
}

static void paging(void) {
  print("paging\n");
  u64 l4 = (u64)pdpt1, l3 = (u64)directory1, l2 = (u64)table1, l1 = (u64)target;
  u64 nx = 1ull << 63;
  for (int wp = 0; wp < 2; wp++) {
    set_wp(wp);
    arg2 = 0;
    for (u32 bits = 0; bits < 8; bits++) {
      try_page(l4 | bits, l3 | 7, l2 | 7, l1 | 7);
      try_page(l4 | 7, l3 | bits, l2 | 7, l1 | 7);
      try_page(l4 | 7, l3 | 7, l2 | bits, l1 | 7);
      try_page(l4 | 7, l3 | 7, l2 | 7, l1 | bits);
    }
    try_page(l4 | 7 | nx, l3 | 7, l2 | 7, l1 | 7);
    try_page(l4 | 7, l3 | 7 | nx, l2 | 7, l1 | 7);
    try_page(l4 | 7, l3 | 7, l2 | 7 | nx, l1 | 7);
    try_page(l4 | 7, l3 | 7, l2 | 7, l1 | 7 | nx);
    u64 high = 1ull << 51;
    try_page(l4 | 7 | high, l3 | 7, l2 | 7, l1 | 7);
    try_page(l4 | 7, l3 | 7 | high, l2 | 7, l1 | 7);
    try_page(l4 | 7, l3 | 7, l2 | 7 | high, l1 | 7);
    try_page(l4 | 7, l3 | 7, l2 | 7, l1 | 7 | high);
    try_page(l4 | 0x87, l3 | 7, l2 | 7, l1 | 7);
    arg2 = l1 & 0x1fffff;
    for (u32 bits = 0; bits < 8; bits++) try_page(l4 | 7, l3 | 7, (l1 & ~0x1fffffull) | 0x80 | bits, 0);
    try_page(l4 | 7, l3 | 7, (l1 & ~0x1fffffull) | 0x2087, 0);
    arg2 = l1;
    for (u32 bits = 0; bits < 8; bits++) try_page(l4 | 7, 0x80 | bits, 0, 0);
    try_page(l4 | 7, 0x2087, 0, 0);
  }
  set_wp(0);
  /* Translations dropped by INVLPG of any address in a large page, and by CR3. */
  volatile u32 *window = (volatile u32 *)WINDOW;
  pml4[1] = l4 | 7;
  pdpt1[0] = l3 | 7;
  directory1[0] = 0x87;
  flush();
  u32 first = window[0x100000 / 4];
  directory1[0] = 0x200087;
  asm volatile("invlpg (%0)" ::"r"(WINDOW + 0x1ff000) : "memory");
  field("large page", first != 0 && window[0x100000 / 4] == 0);
  end_line();
  directory1[0] = l2 | 7;
  table1[0] = l1 | 0x107;
  ((volatile u32 *)target)[0] = 1;
  ((volatile u32 *)target)[1024] = 2;
  u64 cr4;
  asm volatile("mov %%cr4,%0" : "=r"(cr4));
  asm volatile("mov %0,%%cr4" ::"r"(cr4 | 0x80) : "memory");
  flush();
  first = window[0];
  table1[0] = (l1 + 4096) | 0x107;
  asm volatile("invlpg (%0)" ::"r"(WINDOW) : "memory");
  field("global", first == 1 && window[0] == 2);
  table1[0] = l1 | 0x107;
  asm volatile("mov %0,%%cr4" ::"r"(cr4) : "memory");
  field("pge", window[0] == 1);
  end_line();
}
