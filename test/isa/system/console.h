/* Output of the system test kernels: lines to port 0xe9, end at port 0xf4. */
#pragma once
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

static inline void outb(u16 port, u8 value) { asm volatile("outb %0,%1" ::"a"(value), "Nd"(port)); }

static void print(const char *text) {
  while (*text) outb(0xe9, *text++);
}

static void print_hex(u64 value) {
  char digits[17];
  int at = 16;
  digits[16] = 0;
  do {
    digits[--at] = "0123456789abcdef"[value & 15];
    value >>= 4;
  } while (value);
  print(digits + at);
}

static void field(const char *name, u64 value) {
  outb(0xe9, ' ');
  print(name);
  outb(0xe9, '=');
  print_hex(value);
}

static void end_line(void) { outb(0xe9, '\n'); }

static void finish(void) {
  outb(0xf4, 0);
  for (;;) asm volatile("cli; hlt");
}
