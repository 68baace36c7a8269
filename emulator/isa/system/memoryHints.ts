/** Fences, CLFLUSH, prefetch hints (SDM 2A, 2B). Memory is strongly ordered here, so fences do nothing. */
import { inst } from '../dsl.ts';
import { form, op } from '../forms.ts';
import { M, Mb, Rd, a, r } from '../operands.ts';

for (const [name, digit] of [
  ['LFENCE', 5],
  ['MFENCE', 6],
  ['SFENCE', 7],
] as const) {
  inst(name, {
    forms: [form([r(Rd)], op(0x0f, 0xae).np().digit(digit))],
    semantics() {
      // Nothing is reordered.
    },
  });
}

inst('CLFLUSH', {
  // Checked like a load of a byte; there is no cache.
  forms: [form([r(Mb)], op(0x0f, 0xae).np().digit(7))],
  semantics(s, line) {
    s.read(line);
  },
});

/** PREFETCHNTA, T0, T1, T2 and PREFETCHW: hints that never fault. */
inst('PREFETCH', {
  forms: [
    ...[0, 1, 2, 3].map((digit) => form([a(M)], op(0x0f, 0x18).digit(digit))),
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((digit) => form([a(M)], op(0x0f, 0x0d).digit(digit))),
  ],
  semantics() {
    // No cache.
  },
});
