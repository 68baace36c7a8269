/**
 * Interpreter and translator in lockstep through a guest's boot: node test/lockstep/main.ts
 *   --flavour cloud-amd64|amd64|686   Debian kernel with a busybox that powers off (default cloud-amd64)
 *   --kernel FILE --initrd FILE [--append TEXT]   another guest
 *   --instructions N    stop after so many (default: at power-off)
 *   --windows LENGTH/EVERY   compare only so many instructions of each so many
 *   --translate-after N (default 20)   --gather N (default 100000)   --ram-every N (default 20000000)   --memory MIB (default 128)
 *   --model NAME   --print   the guest's console
 * Exit code 1 and the first differing instruction if they part.
 */
import { parseArgs } from 'node:util';
import { busyboxInitramfs } from '../guests/busyboxInitramfs.ts';
import { debianKernel, type KernelFlavour } from '../guests/debianKernel.ts';
import type { LockstepPlan, Mismatch } from './lockstepEngine.ts';
import { locate, runLockstep, type LockstepGuest } from './runLockstep.ts';

const { values } = parseArgs({
  options: {
    flavour: { type: 'string', default: 'cloud-amd64' },
    kernel: { type: 'string' },
    initrd: { type: 'string' },
    append: { type: 'string', default: 'console=ttyS0' },
    instructions: { type: 'string' },
    windows: { type: 'string' },
    'translate-after': { type: 'string', default: '20' },
    gather: { type: 'string', default: '100000' },
    'ram-every': { type: 'string', default: '20000000' },
    memory: { type: 'string', default: '128' },
    model: { type: 'string', default: 'guesthouse-v2' },
    print: { type: 'boolean', default: false },
  },
});

const script =
  'for i in 1 2 3 4 5; do ls -l /proc /sys | md5sum; done; seq 1000 | sort -r | gzip | sha256sum; dmesg | wc';

async function guest(): Promise<LockstepGuest> {
  const common = {
    commandLine: values.append,
    memoryMiB: Number(values.memory),
    cpuModel: values.model as LockstepGuest['cpuModel'],
  };
  if (values.kernel !== undefined && values.initrd !== undefined)
    return { ...common, kernel: values.kernel, initrd: values.initrd };
  const kernel = await debianKernel(values.flavour as KernelFlavour);
  return { ...common, kernel: kernel.image, initrd: await busyboxInitramfs(kernel, { script }) };
}

function windows(): LockstepPlan['windows'] {
  if (values.windows === undefined) return undefined;
  const [length = NaN, every = NaN] = values.windows.split('/').map(Number);
  return Array.from({ length: 10_000 }, (_, i) => ({ start: i * every, length }));
}

function print(mismatch: Mismatch): void {
  const { run, instructions, retired, differences, memory, detail, trace } = mismatch;
  console.log(
    `the engines part in run ${run}, ${retired} instructions from ${instructions}: ${detail}`,
  );
  for (const { field, leader, follower } of differences)
    console.log(`  ${field}: translator ${leader}, interpreter ${follower}`);
  if (memory.length > 0) console.log(`  RAM: ${memory.map((at) => at.toString(16)).join(' ')}`);
  if (trace !== undefined) console.log(trace);
}

const chosen = await guest();
const whole = windows();
const plan: LockstepPlan = {
  translate: { after: Number(values['translate-after']), gather: Number(values.gather) },
  ramEvery: Number(values['ram-every']),
  ...(whole === undefined ? {} : { windows: whole }),
};
const started = performance.now();
const outcome = await runLockstep(chosen, plan, {
  ...(values.instructions === undefined ? {} : { instructions: Number(values.instructions) }),
  ...(values.print ? { print: (text: string) => process.stdout.write(text) } : {}),
});
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(
  `${outcome.instructions} instructions, ${outcome.compared} compared, ${seconds} s, ended by ${outcome.end?.kind ?? 'the limit'}`,
);
if (outcome.mismatch !== undefined) {
  print(outcome.mismatch);
  console.log('running again to find the instruction');
  print(await locate(chosen, plan, outcome.mismatch));
  process.exitCode = 1;
}
