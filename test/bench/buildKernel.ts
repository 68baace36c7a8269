/** Builds the bare-metal benchmark kernel (test/bench/kernel) with the host's gcc. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

const source = path.join(import.meta.dirname, 'kernel');

/** Returns the path of a Multiboot ELF; `bits` chooses the code it switches to. */
export function buildKernel(bits: 32 | 64, folder: string): string {
  const target = path.join(folder, `bench${bits}.elf`);
  if (existsSync(target)) return target;
  mkdirSync(folder, { recursive: true });
  const machine =
    bits === 64 ? ['-m64', '-DM64', '-mno-red-zone', '-mcmodel=small'] : ['-m32', '-march=i686'];
  const gcc = (name: string, ...args: string[]): string => {
    const output = path.join(folder, `${name}${bits}.o`);
    execFileSync('gcc', [
      ...machine,
      ...[
        '-O2',
        '-w',
        '-ffreestanding',
        '-fno-pic',
        '-fno-stack-protector',
        '-fcf-protection=none',
      ],
      ...['-fno-asynchronous-unwind-tables', ...args, '-c', '-o', output],
    ]);
    return output;
  };
  const file = (name: string): string => path.join(source, name);
  const objects = [
    gcc('boot', file('boot32.S')),
    // The kernel proper keeps off the vector registers, so that rows measure what they are named for.
    gcc('main', file('main.c'), '-mno-sse', '-mno-mmx'),
    gcc('sse', file('fp.c'), '-DFN=fp_sse', '-msse2', '-mfpmath=sse'),
    gcc('x87', file('fp.c'), '-DFN=fp_x87', '-mno-sse', '-mfpmath=387'),
  ];
  const linked = path.join(folder, `linked${bits}.elf`);
  const layout = path.join(folder, 'bench.ld');
  execFileSync('bash', [
    '-c',
    `printf 'SECTIONS { . = 0x200000; .text : { *(.multiboot) *(.text*) } .rodata : { *(.rodata*) } .data : { *(.data*) } .bss : { *(.bss*) *(COMMON) } /DISCARD/ : { *(.note*) *(.comment) *(.eh_frame) } }' > "$0"`,
    layout,
  ]);
  execFileSync('ld', [
    ...['-m', bits === 64 ? 'elf_x86_64' : 'elf_i386', '-static', '-nostdlib', '-no-pie'],
    ...[
      '-z',
      'noexecstack',
      '--no-warn-rwx-segments',
      '-e',
      '_start',
      '-T',
      layout,
      '-o',
      linked,
      ...objects,
    ],
  ]);
  execFileSync('objcopy', [...(bits === 64 ? ['-O', 'elf32-i386'] : []), linked, target]);
  return target;
}
