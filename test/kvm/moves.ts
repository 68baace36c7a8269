/**
 * `node test/kvm/moves.ts FOLDER`, in the emulated host: the guest of movingGuest.ts moves between KVM and the translator under load, and
 * its state is saved on KVM while it runs, in FOLDER/state with its disk in FOLDER/saved.img. FOLDER has kernel, moving (the initramfs) and moved.img.
 */
import { copyFile, cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { saveMachineFiles } from '../../emulator/host/machineFiles.ts';
import { MovingGuest } from './movingGuest.ts';

const moves = 2;

const folder = path.resolve(process.argv[2] ?? '.');
const file = (name: string): string => path.join(folder, name);
const guest = await MovingGuest.start('kvm', {
  ...{ kernel: file('kernel'), initrd: file('moving'), disk: file('moved.img') },
});
const { machine, engine } = guest.built;
await guest.rounds(2);
for (let move = 0; move < moves; move++) {
  const to = engine.inUse.name === 'kvm' ? 'translator' : 'kvm';
  const { pauseMs } = await engine.switchTo(machine, to);
  console.log(`moved to ${engine.inUse.name}, stood still for ${pauseMs.toFixed(0)} ms`);
  await guest.rounds(1);
}
const state = await mkdtemp(path.join(os.tmpdir(), 'state-'));
const { pauseMs } = await saveMachineFiles(machine, state, {
  goOn: true,
  atPause: () => copyFile(file('moved.img'), file('saved.img')),
});
console.log(`saved, stood still for ${pauseMs.toFixed(0)} ms`);
await cp(state, file('state'), { recursive: true });
await rm(state, { recursive: true });
await guest.finish();
process.exit(0);
