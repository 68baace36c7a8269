/**
 * `node test/kvm/moves.ts FOLDER`, in the emulated host: the guest of movingGuest.ts is paused for longer than Linux's patience with a stalled
 * CPU, moves between KVM and the translator under load, and its state is saved on KVM while it runs, in FOLDER/state with its disk in
 * FOLDER/saved.img. FOLDER has kernel, moving (the initramfs) and moved.img.
 */
import { copyFile, cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { saveMachineFiles } from '../../emulator/host/machineFiles.ts';
import { MovingGuest } from './movingGuest.ts';

const moves = 4;
/** Debian's kernel reports a CPU that does nothing for 21 s (CONFIG_RCU_CPU_STALL_TIMEOUT). */
const restSeconds = 30;
/** How late a line of the console may be heard of. */
const slackSeconds = 5;

const folder = path.resolve(process.argv[2] ?? '.');
const file = (name: string): string => path.join(folder, name);
// In memory: the folder is the outer host's, and a copy there would make most of the snapshot's pause.
const local = await mkdtemp(path.join(os.tmpdir(), 'moves-'));
const [disk, savedDisk, state] = ['moved.img', 'saved.img', 'state'].map((name) =>
  path.join(local, name),
) as [string, string, string];
await copyFile(file('moved.img'), disk);
const guest = await MovingGuest.start('kvm', {
  ...{ kernel: file('kernel'), initrd: file('moving'), disk },
});
const { machine, engine } = guest.built;
await guest.rounds(2);
await rest();
for (let move = 0; move < moves; move++) {
  const to = engine.inUse.name === 'kvm' ? 'translator' : 'kvm';
  const { pauseMs } = await engine.switchTo(machine, to);
  console.log(`moved to ${engine.inUse.name}, stood still for ${pauseMs.toFixed(0)} ms`);
  await guest.rounds(1);
}
const { pauseMs } = await saveMachineFiles(machine, state, {
  goOn: true,
  atPause: () => copyFile(disk, savedDisk),
});
console.log(
  `saved on ${engine.inUse.name} while it runs, stood still for ${pauseMs.toFixed(0)} ms`,
);
await guest.finish();
await cp(state, file('state'), { recursive: true });
await copyFile(savedDisk, file('saved.img'));
await copyFile(disk, file('moved.img'));
await rm(local, { recursive: true });
process.exit(0);

/** Pauses the guest. Rejects if its clock has not stood still. */
async function rest(): Promise<void> {
  const [begun, upBefore] = [performance.now(), guest.uptime];
  await machine.pause();
  await new Promise((resolve) => setTimeout(resolve, restSeconds * 1000));
  machine.resume();
  await guest.rounds(2);
  const ran = (performance.now() - begun) / 1000 - restSeconds;
  const passed = guest.uptime - upBefore;
  console.log(
    `paused for ${restSeconds} s; it ran for ${ran.toFixed(1)} s around that, in which its clock went on by ${passed.toFixed(1)} s`,
  );
  if (passed > ran + slackSeconds) throw new Error("the guest's clock has gone on in the pause");
}
