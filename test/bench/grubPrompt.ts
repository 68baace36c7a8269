/**
 * Prints nothing and ends when GRUB's menu on a CD-ROM takes keys, so that the time of the whole process can be taken:
 *   node test/bench/grubPrompt.ts guesthouse|qemu ISO
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildMachine } from '../../emulator/host/buildMachine.ts';
import { machineRequestSchema } from '../../shared/vm/machineRequest.ts';

const ready = "`c' for a command-line";
const lookMs = 20;

async function guesthouse(iso: string): Promise<void> {
  const { machine, close } = await buildMachine(
    machineRequestSchema.parse({ memoryMiB: 512, boot: {}, cdroms: [{ path: iso }] }),
    {
      serial: [{ write: () => undefined, connect: () => undefined }],
      report: console.error,
      hostFailure: console.error,
    },
  );
  machine.start();
  while (machine.display?.text()?.join('').includes(ready) !== true) await sleep(lookMs);
  await close();
}

/** Looks into video memory by the monitor. */
async function qemu(iso: string): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'grub-prompt-'));
  const [monitor, dump] = [path.join(folder, 'monitor'), path.join(folder, 'text')];
  const child = spawn(
    'qemu-system-x86_64',
    [
      ...['-accel', 'tcg', '-m', '512', '-vga', 'std', '-display', 'none', '-net', 'none'],
      ...['-cdrom', iso, '-monitor', `unix:${monitor},server,nowait`],
    ],
    { stdio: 'inherit' },
  );
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  while (!existsSync(monitor)) await sleep(5);
  const socket = createConnection(monitor);
  socket.resume();
  for (;;) {
    socket.write(`pmemsave 0xb8000 4000 "${dump}"\n`);
    await sleep(lookMs);
    if (!existsSync(dump)) continue;
    const characters = Buffer.from(readFileSync(dump).filter((_, i) => i % 2 === 0));
    if (characters.toString('latin1').includes(ready)) break;
  }
  socket.destroy();
  child.kill('SIGKILL');
  await exited;
  rmSync(folder, { recursive: true });
}

const [who, iso = '/usr/lib/grub-rescue/grub-rescue-cdrom.iso'] = process.argv.slice(2);
await (who === 'qemu' ? qemu(iso) : guesthouse(iso));
process.exit(0);
