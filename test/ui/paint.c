/*
 * A guest for the screen's tests: 1024x768 pixels with a pattern. Keys paint squares of their scan code's colour along
 * the upper edge, and the mouse's packets squares of their three bytes' colour below; Space starts and stops repainting
 * everything, as a film would. Port 0x60 is polled.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

static inline void outw(u16 port, u16 value) { asm volatile("outw %0,%1" ::"a"(value), "Nd"(port)); }
static inline void outb(u16 port, u8 value) { asm volatile("outb %0,%1" ::"a"(value), "Nd"(port)); }
static inline void outl(u16 port, u32 value) { asm volatile("outl %0,%1" ::"a"(value), "Nd"(port)); }
static inline u8 inb(u16 port) {
  u8 value;
  asm volatile("inb %1,%0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline u32 inl(u16 port) {
  u32 value;
  asm volatile("inl %1,%0" : "=a"(value) : "Nd"(port));
  return value;
}

static void vbe(u16 index, u16 value) {
  outw(0x1ce, index);
  outw(0x1cf, value);
}

static volatile u32 *screen;

static void square(u32 n, u32 row, u32 color) {
  for (u32 y = 0; y < 32; y++)
    for (u32 x = 0; x < 32; x++) screen[(row * 32 + y) * 1024 + n % 32 * 32 + x] = color;
}

/* Auxiliary port on, data reporting on; its acknowledgement is taken. */
static void mouseOn(void) {
  outb(0x64, 0xa8);
  outb(0x64, 0xd4);
  while (inb(0x64) & 2) continue;
  outb(0x60, 0xf4);
  while (inb(0x64) & 2 || !(inb(0x64) & 1)) continue;
  inb(0x60);
}

void main(void) {
  outl(0xcf8, 0x80001010);
  screen = (volatile u32 *)(inl(0xcfc) & ~15u);
  vbe(4, 0);
  vbe(1, 1024);
  vbe(2, 768);
  vbe(3, 32);
  vbe(4, 0x41);
  outb(0x3c2, 1);
  inb(0x3da);
  outb(0x3c0, 0x20);
  for (u32 y = 0; y < 768; y++)
    for (u32 x = 0; x < 1024; x++) screen[y * 1024 + x] = (x & 255) << 16 | (y & 255) << 8 | ((x ^ y) >> 2 & 255);
  u32 moving = 0, keys = 0, frame = 0, packets = 0, bytes = 0, packet = 0;
  mouseOn();
  for (;;) {
    u8 status = inb(0x64);
    if (status & 1) {
      u8 code = inb(0x60);
      if (status & 0x20) {
        packet = packet << 8 | code;
        if (++bytes % 3 == 0) square(packets++, 1, packet & 0xffffff);
      } else if (code == 0x39) {
        moving = !moving;
      } else if (code < 0x80) {
        square(keys++, 0, code << 16 | 0xff);
      }
    } else if (moving) {
      frame++;
      for (u32 i = 0; i < 1024 * 768; i++) screen[i] = i * 3 + frame * 0x20408;
    } else {
      for (u32 i = 0; i < 1000; i++) asm volatile("pause");
    }
  }
}
