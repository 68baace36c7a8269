import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parsePpm } from '../media/rgbPicture.ts';

/** Screens of screens.c. */
export const screenCount = 13;

export interface Screen {
  /** What the kernel read back. */
  readonly line: string;
  readonly width: number;
  readonly height: number;
  /** RGB, 8 bits each. */
  readonly rgb: Uint8Array;
}

export const hasTools = (): boolean =>
  existsSync('/usr/bin/gcc') && existsSync('/usr/bin/qemu-system-x86_64');

/** Builds the kernel and runs `use` with its path; the folder is removed afterwards. */
export async function withScreenKernel(
  use: (kernel: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'guesthouse-screens-'));
  try {
    const kernel = join(folder, 'screens');
    execFileSync(
      'gcc',
      [
        ...['-m32', '-march=i686', '-O1', '-ffreestanding', '-fno-pie', '-no-pie', '-nostdlib'],
        ...['-fno-stack-protector', '-mgeneral-regs-only', '-fno-asynchronous-unwind-tables'],
        ...['-static', '-Wl,-T,../../isa/system/link32.ld', '-Wl,--build-id=none'],
        ...['-Wl,--no-warn-rwx-segments', '-Wa,--noexecstack', 'start.S', 'screens.c'],
        ...['-o', kernel],
      ],
      { cwd: import.meta.dirname },
    );
    await use(kernel, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The screens as QEMU's TCG shows them. */
export async function screensOfQemu(kernel: string, folder: string): Promise<Screen[]> {
  const monitor = join(folder, 'monitor');
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-accel', 'tcg', '-m', '64', '-kernel', kernel, '-vga', 'std', '-display', 'none'],
      ...['-serial', 'stdio', '-monitor', `unix:${monitor},server,nowait`, '-no-reboot'],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    return await dumpScreens(qemu, monitor, folder);
  } finally {
    qemu.kill('SIGKILL');
  }
}

async function dumpScreens(qemu: ChildProcess, monitor: string, folder: string): Promise<Screen[]> {
  const lines = lineReader(qemu);
  const screens: Screen[] = [];
  let socket: Socket | undefined;
  for (let n = 0; n < screenCount; n++) {
    const line = await lines();
    socket ??= await connect(monitor);
    const file = join(folder, `${n}.ppm`);
    socket.write(`screendump ${file}\n`);
    const { width, height, rgb } = await waitForPpm(file);
    screens.push({ line, width, height, rgb });
    qemu.stdin?.write('x');
  }
  socket?.destroy();
  return screens;
}

function lineReader(qemu: ChildProcess): () => Promise<string> {
  let text = '';
  qemu.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  return async () => {
    while (!text.includes('\n')) await once(qemu.stdout ?? qemu, 'data');
    const end = text.indexOf('\n');
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    return line;
  };
}

async function connect(path: string): Promise<Socket> {
  const socket = createConnection(path);
  socket.resume();
  await once(socket, 'connect');
  return socket;
}

async function waitForPpm(file: string) {
  for (;;) {
    const ppm = existsSync(file) ? parsePpm(readFileSync(file)) : undefined;
    if (ppm !== undefined) return ppm;
    await sleep(10);
  }
}
