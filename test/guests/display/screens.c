/*
 * Draws one screen after the other, each in a mode that it sets by registers. After each it prints a letter and what
 * it has read back on COM1, and waits for a byte there. The register values are those of IBM's BIOS.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

static inline void outb(u16 port, u8 value) { asm volatile("outb %0,%1" ::"a"(value), "Nd"(port)); }
static inline void outw(u16 port, u16 value) { asm volatile("outw %0,%1" ::"a"(value), "Nd"(port)); }
static inline void outl(u16 port, u32 value) { asm volatile("outl %0,%1" ::"a"(value), "Nd"(port)); }
static inline u8 inb(u16 port) {
  u8 value;
  asm volatile("inb %1,%0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline u16 inw(u16 port) {
  u16 value;
  asm volatile("inw %1,%0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline u32 inl(u16 port) {
  u32 value;
  asm volatile("inl %1,%0" : "=a"(value) : "Nd"(port));
  return value;
}

static void put(u8 c) {
  while (!(inb(0x3fd) & 0x20)) {
  }
  outb(0x3f8, c);
}
static void print_hex(u32 value) {
  for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[(value >> shift) & 15]);
}

static u32 seed = 1;
static u32 random(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

struct mode {
  u8 misc, sequencer[5], crtc[25], graphics[9], attribute[21];
};

static const struct mode text80 = {
    0x67,
    {3, 0, 3, 0, 2},
    {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x2d, 0x0e, 0, 0, 0, 0x50, 0x9c, 0x0e, 0x8f, 0x28, 0x1f,
     0x96, 0xb9, 0xa3, 0xff},
    {0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff},
    {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x04, 0, 0x0f, 8, 0}};
static const struct mode text40 = {
    0x67,
    {3, 9, 3, 0, 2},
    {0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0, 0xbf, 0x1f, 0, 0x4f, 0x2d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0x1f, 0x96,
     0xb9, 0xa3, 0xff},
    {0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff},
    {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x04, 0, 0x0f, 8, 0}};
static const struct mode planar640 = {
    0xe3,
    {3, 1, 0x0f, 0, 6},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x0c, 0xdf, 0x28, 0, 0xe7, 0x04,
     0xe3, 0xff},
    {0, 0, 0, 0, 0, 0, 5, 0x0f, 0xff},
    {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 1, 0, 0x0f, 0, 0}};
static const struct mode chain4 = {
    0x63,
    {3, 1, 0x0f, 0, 0x0e},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x0e, 0x8f, 0x28, 0x40, 0x96, 0xb9,
     0xa3, 0xff},
    {0, 0, 0, 0, 0, 0x40, 5, 0x0f, 0xff},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0, 0}};
static const struct mode cga4 = {
    0x63,
    {3, 9, 3, 0, 2},
    {0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x0e, 0x8f, 0x14, 0, 0x96, 0xb9,
     0xa2, 0xff},
    {0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff},
    {0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 1, 0, 3, 0, 0}};

static void sequencer(u8 index, u8 value) { outw(0x3c4, index | value << 8); }
static void graphics(u8 index, u8 value) { outw(0x3ce, index | value << 8); }
static void crtc(u8 index, u8 value) { outw(0x3d4, index | value << 8); }
static void vbe(u16 index, u16 value) {
  outw(0x1ce, index);
  outw(0x1cf, value);
}
static u16 vbe_read(u16 index) {
  outw(0x1ce, index);
  return inw(0x1cf);
}

static void screen_on(void) {
  inb(0x3da);
  outb(0x3c0, 0x20);
}

static void set_mode(const struct mode *mode) {
  vbe(4, 0);
  outb(0x3c2, mode->misc);
  for (int i = 0; i < 5; i++) sequencer(i, mode->sequencer[i]);
  crtc(0x11, 0);
  for (int i = 0; i < 25; i++) crtc(i, mode->crtc[i]);
  for (int i = 0; i < 9; i++) graphics(i, mode->graphics[i]);
  inb(0x3da);
  for (int i = 0; i < 21; i++) {
    outb(0x3c0, i);
    outb(0x3c0, mode->attribute[i]);
  }
  screen_on();
}

static void palette(void) {
  outb(0x3c6, 0xff);
  outb(0x3c8, 0);
  for (int i = 0; i < 256; i++) {
    outb(0x3c9, (i & 7) * 9);
    outb(0x3c9, ((i >> 3) & 7) * 9);
    outb(0x3c9, (i >> 6) * 21);
  }
}

static volatile u8 *const window = (volatile u8 *)0xa0000;

/* A font that shows code and line, written to plane 2 as a BIOS does. */
static void font(void) {
  sequencer(2, 4);
  sequencer(4, 6);
  graphics(4, 2);
  graphics(5, 0);
  graphics(6, 4);
  for (int code = 0; code < 256; code++)
    for (int line = 0; line < 16; line++) window[code * 32 + line] = line == 15 ? 0xff : (code * 5) ^ (line * 17);
  sequencer(2, 3);
  sequencer(4, 2);
  graphics(4, 0);
  graphics(5, 0x10);
  graphics(6, 0x0e);
}

static void text(const struct mode *mode, int columns) {
  volatile u16 *screen = (volatile u16 *)0xb8000;
  set_mode(mode);
  palette();
  font();
  for (int i = 0; i < columns * 25; i++) {
    /* QEMU takes b0 to bf for line graphics. */
    u8 code = (i & 0xf0) == 0xb0 ? 'A' : i;
    screen[i] = code | ((i * 7) & 0xff) << 8;
  }
  /* Scroll by a row, as consoles do. */
  for (int i = 0; i < columns * 24; i++) screen[i] = screen[i + columns];
  for (int i = columns * 24; i < columns * 25; i++) screen[i] = 0x1e41;
}

static u32 sum_of_reads(void) {
  u32 sum = 0;
  for (int plane = 0; plane < 4; plane++) {
    graphics(4, plane);
    for (int i = 0; i < 38400; i += 7) sum = sum * 31 + window[i];
  }
  graphics(5, 8);
  for (int i = 0; i < 16; i++) {
    graphics(2, i);
    graphics(7, random() & 15);
    for (int at = 0; at < 38400; at += 97) sum = sum * 31 + window[at];
  }
  graphics(5, 0);
  return sum;
}

static void planar(void) {
  set_mode(&planar640);
  palette();
  for (int i = 0; i < 38400; i++) window[i] = 0;
  (void)window[0];
  /* Every write mode, logic function and mask. */
  for (int n = 0; n < 600; n++) {
    int at = random() % 38400;
    sequencer(2, random() & 15);
    graphics(0, random() & 15);
    graphics(1, random() & 15);
    graphics(3, random() & 31);
    graphics(5, random() & 3);
    graphics(8, random() & 0xff);
    for (int i = 0; i < 64 && at + i < 38400; i++) {
      if (random() & 1) (void)window[(at + i * 80) % 38400];
      window[at + i] = random();
    }
  }
  sequencer(2, 15);
  graphics(0, 0);
  graphics(1, 0);
  graphics(3, 0);
  graphics(5, 0);
  graphics(8, 0xff);
  print_hex(sum_of_reads());
}

static void linear256(void) {
  set_mode(&chain4);
  palette();
  for (int y = 0; y < 200; y++)
    for (int x = 0; x < 320; x++) window[y * 320 + x] = x ^ y;
  u32 sum = 0;
  for (int i = 0; i < 64000; i += 3) sum = sum * 31 + window[i];
  print_hex(sum);
}

static void mode_x(void) {
  set_mode(&chain4);
  palette();
  sequencer(4, 6);
  crtc(0x14, 0);
  crtc(0x17, 0xe3);
  for (int plane = 0; plane < 4; plane++) {
    sequencer(2, 1 << plane);
    for (int y = 0; y < 400; y++)
      for (int x = 0; x < 80; x++) window[y * 80 + x] = (x * 4 + plane) + y * 3;
  }
  /* Latched copies of a block, then a split screen over a moved start. */
  sequencer(2, 15);
  graphics(5, 0x41);
  for (int y = 0; y < 50; y++)
    for (int x = 0; x < 40; x++) {
      (void)window[y * 80 + x];
      window[(y + 120) * 80 + x + 20] = 0;
    }
  graphics(5, 0x40);
  crtc(0x0c, (50 * 80) >> 8);
  crtc(0x0d, (50 * 80) & 0xff);
  /* The last of a pair of lines: QEMU goes on counting its lines here. */
  crtc(0x18, 0x2d);
  crtc(0x07, 0x0f);
  crtc(0x09, 0x01);
}

static void cga(void) {
  volatile u8 *screen = (volatile u8 *)0xb8000;
  set_mode(&cga4);
  palette();
  for (int i = 0; i < 16384; i++) screen[i] = i * 3 + (i >> 6);
}

static u32 frame_buffer(void) {
  outl(0xcf8, 0x80001010);
  return inl(0xcfc) & ~15u;
}

static void enable_vbe(int width, int height, int bpp, int flags) {
  vbe(4, 0);
  vbe(1, width);
  vbe(2, height);
  vbe(3, bpp);
  vbe(4, 1 | flags);
  screen_on();
}

static void banked256(void) {
  set_mode(&chain4);
  palette();
  enable_vbe(640, 480, 8, 0);
  for (int bank = 0; bank < 5; bank++) {
    vbe(5, bank);
    for (int i = 0; i < 65536 && bank * 65536 + i < 640 * 480; i++) window[i] = (bank * 65536 + i) / 640 + i;
  }
  vbe(5, 2);
  u32 sum = 0;
  for (int i = 0; i < 65536; i += 11) sum = sum * 31 + window[i];
  print_hex(sum);
}

static void linear(int width, int height, int bpp) {
  volatile u8 *screen = (volatile u8 *)frame_buffer();
  enable_vbe(width, height, bpp, 0x40);
  int bytes = (bpp + 7) / 8;
  for (int i = 0; i < width * height * bytes; i += 4) *(volatile u32 *)(screen + i) = i * 0x9e3779b1u;
  for (int i = 0; i < height; i++)
    for (int b = 0; b < bytes; b++) screen[(i * width + i) * bytes + b] = 0xff;
  print_hex(*(volatile u32 *)(screen + 4096));
}

static void scrolled(void) {
  volatile u32 *screen = (volatile u32 *)frame_buffer();
  enable_vbe(640, 400, 32, 0x40);
  vbe(5, 0);
  vbe(6, 800);
  for (int y = 0; y < 800; y++)
    for (int x = 0; x < 800; x++) screen[y * 800 + x] = x * 0x10000 + y * 0x101;
  vbe(8, 96);
  vbe(9, 300);
  for (int i = 0; i <= 9; i++) print_hex(vbe_read(i));
}

/* Reads that show what is there: limits, the mapped registers, EDID's header. */
static void registers(void) {
  vbe(4, 2);
  print_hex(vbe_read(3));
  vbe(4, 0);
  print_hex(vbe_read(0));
  outl(0xcf8, 0x80001018);
  volatile u8 *mapped = (volatile u8 *)(inl(0xcfc) & ~15u);
  for (int i = 0; i < 8; i++) print_hex(mapped[i]);
  *(volatile u16 *)(mapped + 0x502) = 512;
  print_hex(vbe_read(1));
  mapped[0x400 + 0x0e] = 8;
  mapped[0x400 + 0x0f] = 0x5a;
  outb(0x3ce, 8);
  print_hex(inb(0x3cf));
  print_hex(*(volatile u32 *)(mapped + 0x600));
  print_hex(*(volatile u32 *)(mapped + 0x604));
  set_mode(&text80);
}

static void scene(int n) {
  switch (n) {
    case 0: text(&text80, 80); break;
    case 1: text(&text40, 40); break;
    case 2: planar(); break;
    case 3: linear256(); break;
    case 4: mode_x(); break;
    case 5: cga(); break;
    case 6: banked256(); break;
    case 7: linear(1024, 768, 32); break;
    case 8: linear(800, 600, 16); break;
    case 9: linear(800, 600, 24); break;
    case 10: linear(640, 480, 15); break;
    case 11: scrolled(); break;
    case 12: registers(); break;
  }
}

void main(void) {
  for (int n = 0; n < 13; n++) {
    seed = n + 1;
    scene(n);
    put('\n');
    while (!(inb(0x3fd) & 1)) {
    }
    inb(0x3f8);
  }
  outw(0x604, 0x2000);
}
