/** The programs that run a Linux guest for the bench, all with the same files and the same memory. */
import path from 'node:path';
import { builtCommand } from './builtCommand.ts';

export interface LinuxGuest {
  readonly bits: 32 | 64;
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  readonly memoryMiB: number;
}

export interface GuestContender {
  readonly name: string;
  command(guest: LinuxGuest): [string, string[]];
}

const here = import.meta.dirname;

export function guesthouseGuest(...extra: string[]): GuestContender {
  return {
    name: ['Guesthouse', ...extra].join(' '),
    command: ({ kernel, initrd, commandLine, memoryMiB }) => [
      process.execPath,
      [
        ...[builtCommand(), 'run', '--kernel', kernel],
        ...['--initrd', initrd, '--append', commandLine, '--memory', String(memoryMiB), ...extra],
      ],
    ],
  };
}

/** The machine `guesthouse run` has by default: serial port and VGA, no network, no drives. */
export const qemuGuest: GuestContender = {
  name: 'QEMU TCG',
  command: ({ bits, kernel, initrd, commandLine, memoryMiB }) => [
    bits === 64 ? 'qemu-system-x86_64' : 'qemu-system-i386',
    [
      ...['-accel', 'tcg', '-m', String(memoryMiB), '-nodefaults', '-vga', 'std', '-nographic'],
      ...['-serial', 'stdio', '-no-reboot', '-kernel', kernel, '-initrd', initrd],
      ...['-append', commandLine],
    ],
  ],
};

/** Boots the bzImage through SeaBIOS; ends when the guest says that it is done, for it has no power-off. */
export const v86Guest: GuestContender = {
  name: 'v86',
  command: ({ kernel, initrd, commandLine, memoryMiB }) => [
    process.execPath,
    [path.join(here, 'v86GuestRunner.ts'), kernel, initrd, commandLine, String(memoryMiB)],
  ],
};
