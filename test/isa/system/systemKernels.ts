import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const here = import.meta.dirname;

const common = [
  ...['-O1', '-ffreestanding', '-fno-pie', '-no-pie', '-nostdlib', '-fno-stack-protector'],
  ...['-mgeneral-regs-only', '-fno-asynchronous-unwind-tables', '-fno-omit-frame-pointer'],
  ...['-static', '-Wl,-T,link32.ld', '-Wl,--build-id=none', '-Wl,--no-warn-rwx-segments'],
  '-Wa,--noexecstack',
];

export type SystemKernel = 'system32' | 'system64';

const has = (tool: string): boolean =>
  (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, tool)));

/** Why the suite cannot run here, or undefined. */
export const missingTools = (): string | undefined =>
  has('gcc') && has('objcopy') ? undefined : 'the test kernels need gcc and binutils';
export const hasOracle = (): boolean => has('qemu-system-x86_64');

/** Runs `use` with the path of the built kernel, a 32-bit Multiboot ELF. */
export function withKernel<T>(name: SystemKernel, use: (file: string, folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'guesthouse-system-'));
  try {
    const built = join(folder, `${name}.elf`);
    const file = join(folder, name);
    const mode =
      name === 'system32'
        ? ['-m32', '-march=i686', 'start32.S', 'real16.S', 'system32.c']
        : ['-m64', '-mno-red-zone', '-mcmodel=small', 'start64.S', 'system64.c'];
    execFileSync('gcc', [...common, ...mode, '-o', built], { cwd: here });
    // Multiboot wants a 32-bit ELF, also with 64-bit code in it.
    execFileSync('objcopy', ['-O', 'elf32-i386', built, file]);
    return use(file, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What QEMU's TCG prints for the kernel. */
export function runOnOracle(file: string, folder: string): string {
  const output = join(folder, 'oracle.txt');
  try {
    execFileSync(
      'qemu-system-x86_64',
      [
        ...['-accel', 'tcg', '-cpu', 'Skylake-Client-v1,-smap,-xsave', '-m', '64'],
        ...[
          '-kernel',
          file,
          '-debugcon',
          `file:${output}`,
          '-device',
          'isa-debug-exit,iobase=0xf4',
        ],
        ...['-display', 'none', '-no-reboot', '-monitor', 'none', '-serial', 'none'],
      ],
      { stdio: 'ignore', timeout: 60_000 },
    );
  } catch (error) {
    // The debug-exit device always ends it with an odd status.
    if ((error as { status?: number | null }).status !== 1) throw error;
  }
  return readFileSync(output, 'latin1');
}
