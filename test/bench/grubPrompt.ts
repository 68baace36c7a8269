/**
 * From the start of the process to GRUB's menu on a CD-ROM: `guesthouse run`, as it is built (npm run build), and QEMU's
 * TCG with SeaBIOS in turns. Both screens are looked at every 10 ms; the end of the process counts for neither.
 *   node test/bench/grubPrompt.ts [PAIRS [ISO]]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtCommand } from './builtCommand.ts';
import { median } from './statistics.ts';

const ready = "`c' for a command-line";
const lookMs = 10;

/** Seconds. The command prints the line when it sees it. */
async function guesthouse(iso: string): Promise<number> {
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [...[builtCommand(), 'run', '--cdrom', iso, '--serial', 'none'], ...['--until-screen', ready]],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  let printed = '';
  let seconds = 0;
  for await (const part of child.stdout) {
    seconds ||= (performance.now() - start) / 1000;
    printed += String(part);
  }
  const [code] = (await exited) as [number | null];
  if (code !== 0 || !printed.includes(ready)) throw new Error(`guesthouse ended with ${code}`);
  return seconds;
}

/** Seconds. The monitor writes video memory to a file. */
async function qemu(iso: string): Promise<number> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'grub-prompt-'));
  const [monitor, dump] = [path.join(folder, 'monitor'), path.join(folder, 'text')];
  const start = performance.now();
  const child = spawn(
    'qemu-system-x86_64',
    [
      ...['-accel', 'tcg', '-m', '512', '-vga', 'std', '-display', 'none', '-net', 'none'],
      ...['-cdrom', iso, '-monitor', `unix:${monitor},server,nowait`],
    ],
    { stdio: 'inherit' },
  );
  const exited = once(child, 'exit');
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
  const seconds = (performance.now() - start) / 1000;
  socket.destroy();
  child.kill('SIGKILL');
  await exited;
  rmSync(folder, { recursive: true });
  return seconds;
}

const [pairs = '7', iso = '/usr/lib/grub-rescue/grub-rescue-cdrom.iso'] = process.argv.slice(2);
// The first run of all fills the cache of compiled modules.
await guesthouse(iso);
const times: { guesthouse: number; qemu: number }[] = [];
for (let pair = 0; pair < Number(pairs); pair++) {
  const [ours, theirs] = [await guesthouse(iso), await qemu(iso)];
  times.push({ guesthouse: ours, qemu: theirs });
  console.log(`guesthouse ${ours.toFixed(2)} s, QEMU ${theirs.toFixed(2)} s`);
}
for (const who of ['guesthouse', 'qemu'] as const)
  console.log(`${who}: ${median(times.map((pair) => pair[who])).toFixed(2)} s`);
