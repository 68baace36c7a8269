// Runs instruction sequences on the real CPU in ring 3 and tells what they did.
//
// Freestanding x86-64 Linux program (no libc: nothing of ours may live in the low 2 GiB or use FS).
// Every case is entered by rt_sigreturn with a signal frame that holds its registers, and left by
// the signal that its end trap (INT3) or its fault raises. 32-bit cases are entered through the
// kernel's compatibility code segment 0x23 in the same process.
// The record formats are those of ../caseFormat.ts; keep the two in step.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

enum {
  SYS_READ = 0, SYS_WRITE = 1, SYS_MMAP = 9, SYS_MPROTECT = 10, SYS_RT_SIGACTION = 13,
  SYS_SETITIMER = 38, SYS_EXIT_GROUP = 231, SYS_SIGALTSTACK = 131, SYS_PRCTL = 157,
  SYS_FTRUNCATE = 77, SYS_MEMFD_CREATE = 319, SYS_SECCOMP = 317,
};
enum { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGFPE = 8, SIGSEGV = 11, SIGVTALRM = 26, SIGSYS = 31 };
enum { PROT_R = 1, PROT_W = 2, PROT_X = 4 };

// Vectors of our own, beyond the architectural ones.
enum { END_TIMEOUT = 254, END_SYSTEM_CALL = 253 };

struct Window { u64 address; u32 size; u32 protection; u8 *alias; };
// Same table as `windows` in ../caseFormat.ts.
static struct Window windows[] = {
  {0x10000000, 0x4000, PROT_R | PROT_X, 0},
  {0x11000000, 0x2000, PROT_R | PROT_W | PROT_X, 0},
  {0x20000000, 0x2000, PROT_R | PROT_W, 0},
  {0x20004000, 0x1000, PROT_R, 0},
  {0x30000000, 0x2000, PROT_R | PROT_W, 0},
  {0x8000, 0x2000, PROT_R | PROT_W, 0},
  {0x123456780000, 0x1000, PROT_R | PROT_W, 0},
};
enum { WINDOW_COUNT = sizeof windows / sizeof windows[0], LINE = 64, FX_SIZE = 416, IMAGE_MAX = 0x10000 };

struct Case {
  u32 size; u8 mode, hasFx; u16 patchCount;
  u64 rip, flags, gpr[16];
};
struct Patch { u32 addressLow, addressHigh, length, reserved; };
struct Result {
  u32 size; u8 vector, hasFx; u16 lineCount;
  u64 errorCode, cr2, rip, flags, gpr[16];
  u16 cs, ss, ds, es, fs, gs, reserved[2];
  u64 fsBase, gsBase;
};

static u8 base[IMAGE_MAX];
enum { BUFFER = 64 << 20 };
static u8 input[BUFFER], output[BUFFER];
static u8 *current, *inputEnd, *out;
static u8 defaultFx[FX_SIZE];
static u64 caseNumber, tickedCase;
static u8 altStack[1 << 16] __attribute__((aligned(64)));

static inline i64 systemCall(i64 n, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f) {
  i64 result;
  register i64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
static void copy(void *to, const void *from, u64 n) { __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory"); }
static void fill(void *to, u8 value, u64 n) { __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory"); }
void *memcpy(void *to, const void *from, u64 n) { copy(to, from, n); return to; }
void *memset(void *to, int value, u64 n) { fill(to, (u8)value, n); return to; }

static void fail(const char *message, i64 code) {
  u64 n = 0;
  while (message[n]) n++;
  systemCall(SYS_WRITE, 2, (i64)message, (i64)n, 0, 0, 0);
  systemCall(SYS_EXIT_GROUP, code, 0, 0, 0, 0, 0);
  __builtin_unreachable();
}
static int readAll(u8 *to, u64 n) {
  while (n) {
    i64 got = systemCall(SYS_READ, 0, (i64)to, (i64)n, 0, 0, 0);
    if (got == -4) continue;
    if (got <= 0) return 0;
    to += got; n -= (u64)got;
  }
  return 1;
}
static void writeAll(const u8 *from, u64 n) {
  while (n) {
    i64 put = systemCall(SYS_WRITE, 1, (i64)from, (i64)n, 0, 0, 0);
    if (put == -4) continue;
    if (put <= 0) systemCall(SYS_EXIT_GROUP, 3, 0, 0, 0, 0, 0);
    from += put; n -= (u64)put;
  }
}

// Linux's signal frame for x86-64 (arch/x86/include/uapi/asm/sigcontext.h).
struct Context {
  u64 flags, link; struct { u64 sp; u32 flags, pad; u64 size; } stack;
  u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
  u16 cs, gs, fs, ss; u64 err, trapno, oldmask, cr2; u8 *fpstate;
};

static u8 *aliasOf(u64 address, u64 length) {
  for (int i = 0; i < WINDOW_COUNT; i++)
    if (address >= windows[i].address && address + length <= windows[i].address + windows[i].size)
      return windows[i].alias + (address - windows[i].address);
  fail("oracle: a patch lies outside the windows\n", 4);
  return 0;
}

static void nextBatch(void) {
  u32 length;
  if (out > output + 4) {
    *(u32 *)output = (u32)(out - output - 4);
    writeAll(output, (u64)(out - output));
  }
  out = output + 4;
  if (!readAll((u8 *)&length, 4)) systemCall(SYS_EXIT_GROUP, 0, 0, 0, 0, 0, 0);
  if (length > BUFFER) fail("oracle: batch too large\n", 4);
  if (!readAll(input, length)) systemCall(SYS_EXIT_GROUP, 0, 0, 0, 0, 0, 0);
  current = input;
  inputEnd = input + length;
}

static void record(struct Context *c, int vector) {
  struct Case *k = (struct Case *)current;
  struct Result *r = (struct Result *)out;
  fill(r, 0, sizeof *r);
  r->vector = (u8)vector; r->hasFx = k->hasFx;
  r->errorCode = c->err; r->cr2 = c->cr2; r->rip = c->rip; r->flags = c->eflags;
  u64 *g = r->gpr;
  g[0] = c->rax; g[1] = c->rcx; g[2] = c->rdx; g[3] = c->rbx; g[4] = c->rsp; g[5] = c->rbp; g[6] = c->rsi; g[7] = c->rdi;
  g[8] = c->r8; g[9] = c->r9; g[10] = c->r10; g[11] = c->r11; g[12] = c->r12; g[13] = c->r13; g[14] = c->r14; g[15] = c->r15;
  r->cs = c->cs; r->ss = c->ss;
  __asm__ volatile("mov %%ds,%0; mov %%es,%1; mov %%fs,%2; mov %%gs,%3"
                   : "=r"(r->ds), "=r"(r->es), "=r"(r->fs), "=r"(r->gs));
  __asm__ volatile("rdfsbase %0; rdgsbase %1" : "=r"(r->fsBase), "=r"(r->gsBase));
  out += sizeof *r;
  if (k->hasFx) { copy(out, c->fpstate, FX_SIZE); out += FX_SIZE; }
  u32 lines = 0;
  u8 *expected = base;
  for (int i = 0; i < WINDOW_COUNT; i++) {
    struct Window *w = &windows[i];
    if (i) {
      for (u32 at = 0; at < w->size; at += LINE) {
        u64 *a = (u64 *)(w->alias + at), *b = (u64 *)(expected + at), difference = 0;
        for (int j = 0; j < LINE / 8; j++) difference |= a[j] ^ b[j];
        if (!difference) continue;
        *(u64 *)out = w->address + at;
        copy(out + 8, a, LINE);
        out += 8 + LINE;
        lines++;
        copy(a, b, LINE);
      }
    }
    expected += w->size;
  }
  r->lineCount = (u16)lines;
  r->size = (u32)(out - (u8 *)r);
  // The code goes back to INT3 bytes.
  u8 *p = current + sizeof *k + (k->hasFx ? FX_SIZE : 0);
  for (u32 i = 0; i < k->patchCount; i++) {
    struct Patch *patch = (struct Patch *)p;
    u64 address = patch->addressLow | (u64)patch->addressHigh << 32;
    if (address < windows[0].address + windows[0].size && address >= windows[0].address)
      fill(aliasOf(address, patch->length), 0xcc, patch->length);
    p += sizeof *patch + ((patch->length + 7) & ~7u);
  }
  current += k->size;
}

static void enter(struct Context *c) {
  if (current >= inputEnd) nextBatch();
  struct Case *k = (struct Case *)current;
  u8 *p = current + sizeof *k;
  copy(c->fpstate, k->hasFx ? p : defaultFx, 28);
  copy(c->fpstate + 32, (k->hasFx ? p : defaultFx) + 32, FX_SIZE - 32);
  // XSTATE_BV: x87 and SSE from the image, all else in its initial state.
  *(u64 *)(c->fpstate + 512) = 3;
  if (k->hasFx) p += FX_SIZE;
  for (u32 i = 0; i < k->patchCount; i++) {
    struct Patch *patch = (struct Patch *)p;
    p += sizeof *patch;
    copy(aliasOf(patch->addressLow | (u64)patch->addressHigh << 32, patch->length), p, patch->length);
    p += (patch->length + 7) & ~7u;
  }
  const u64 *g = k->gpr;
  c->rax = g[0]; c->rcx = g[1]; c->rdx = g[2]; c->rbx = g[3]; c->rsp = g[4]; c->rbp = g[5]; c->rsi = g[6]; c->rdi = g[7];
  c->r8 = g[8]; c->r9 = g[9]; c->r10 = g[10]; c->r11 = g[11]; c->r12 = g[12]; c->r13 = g[13]; c->r14 = g[14]; c->r15 = g[15];
  c->rip = k->rip;
  c->eflags = (k->flags & 0xdd5) | 0x202;
  if (k->flags & 0x100) c->eflags |= 0x100;
  c->cs = k->mode ? 0x23 : 0x33;
  c->ss = 0x2b;
  c->flags |= 6;  // UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS
  __asm__ volatile("mov %0,%%ds; mov %0,%%es" ::"r"(0x2b));
  __asm__ volatile("mov %0,%%fs; mov %0,%%gs" ::"r"(0));
  __asm__ volatile("wrfsbase %0; wrgsbase %1" ::"r"(0x20000100ul), "r"(0x20000200ul));
  caseNumber++;
}

__attribute__((used)) static void handler(int signal, void *info, struct Context *c) {
  (void)info;
  int vector = (int)c->trapno;
  if (signal == SIGVTALRM) {
    if (tickedCase != caseNumber) { tickedCase = caseNumber; return; }
    vector = END_TIMEOUT;
  } else if (signal == SIGSYS) vector = END_SYSTEM_CALL;
  if (caseNumber) record(c, vector);
  enter(c);
}

// A case may have set AC, NT and ID, which the kernel leaves in the handler's flags.
void handlerEntry(void), restorer(void), _start(void);
__asm__(".text\n.globl handlerEntry\nhandlerEntry:\n pushfq\n andq $~0x244000,(%rsp)\n popfq\n jmp handler\n"
        ".globl restorer\nrestorer:\n mov $15,%eax\n syscall\n"
        ".globl _start\n_start:\n xor %ebp,%ebp\n and $-16,%rsp\n call start\n ud2\n");

extern u8 __executable_start, etext;

__attribute__((used)) static void start(void) {
  u32 length;
  if (!readAll((u8 *)&length, 4) || length > IMAGE_MAX || !readAll(base, length)) fail("oracle: no memory image\n", 4);
  u32 total = 0;
  for (int i = 0; i < WINDOW_COUNT; i++) {
    struct Window *w = &windows[i];
    i64 fd = systemCall(SYS_MEMFD_CREATE, (i64) "oracle", 0, 0, 0, 0, 0);
    if (fd < 0 || systemCall(SYS_FTRUNCATE, fd, w->size, 0, 0, 0, 0) < 0) fail("oracle: memfd failed\n", 5);
    i64 got = systemCall(SYS_MMAP, (i64)w->address, w->size, w->protection, 0x100000 | 0x8000 | 1, fd, 0);
    if (got != (i64)w->address) fail("oracle: a window cannot be mapped (vm.mmap_min_addr above 0x8000 and not root?)\n", 5);
    w->alias = (u8 *)systemCall(SYS_MMAP, 0, w->size, PROT_R | PROT_W, 0x8000 | 1, fd, 0);
    if ((u64)w->alias > -4096ul) fail("oracle: alias failed\n", 5);
    copy(w->alias, base + total, w->size);
    total += w->size;
  }
  if (total != length) fail("oracle: memory image of the wrong size\n", 5);
  *(u16 *)defaultFx = 0x37f;
  *(u32 *)(defaultFx + 24) = 0x1f80;

  struct { u8 *sp; u32 flags, pad; u64 size; } stack = {altStack, 0, 0, sizeof altStack};
  systemCall(SYS_SIGALTSTACK, (i64)&stack, 0, 0, 0, 0, 0);
  static const u8 signals[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGVTALRM, SIGSYS};
  for (u32 i = 0; i < sizeof signals; i++) {
    struct { void (*handler)(void); u64 flags; void (*restorer)(void); u64 mask; } action =
        {handlerEntry, 0x4 | 0x08000000 | 0x04000000, restorer, ~0ul};
    if (systemCall(SYS_RT_SIGACTION, signals[i], (i64)&action, 0, 8, 0, 0) < 0) fail("oracle: sigaction failed\n", 5);
  }
  // Wild jumps may meet SYSCALL: only this program's own text may call the kernel.
  u64 from = (u64)&__executable_start, to = (u64)&etext;
  struct { u16 code; u8 yes, no; u32 k; } filter[] = {
    {0x20, 0, 0, 12}, {0x15, 0, 4, (u32)(from >> 32)},
    {0x20, 0, 0, 8}, {0x35, 0, 2, (u32)from}, {0x25, 1, 0, (u32)to},
    {0x06, 0, 0, 0x7fff0000}, {0x06, 0, 0, 0x00030000},
  };
  struct { u16 length; void *filter; } program = {7, filter};
  systemCall(SYS_PRCTL, 38, 1, 0, 0, 0, 0);
  if (systemCall(SYS_SECCOMP, 1, 0, (i64)&program, 0, 0, 0) < 0) fail("oracle: seccomp failed\n", 5);
  // ITIMER_VIRTUAL: a case that uses two ticks of CPU time does not end.
  struct { i64 a, b, c, d; } timer = {0, 10000, 0, 10000};
  systemCall(SYS_SETITIMER, 1, (i64)&timer, 0, 0, 0, 0);
  out = output + 4;
  current = inputEnd = input;
  __asm__ volatile("int3");
}
