/** A whole machine in lockstep, and the search for the run and the piece of it where the engines part. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readBootFile } from '../../emulator/host/bootFile.ts';
import { loadCore } from '../../emulator/host/coreModule.ts';
import { bootableKernel } from '../../emulator/host/kernelDecompress.ts';
import type { MachineEnd, MachineSpec } from '../../emulator/machine/machine.ts';
import { createPc } from '../../emulator/machine/pc.ts';
import { LockstepEngine, type LockstepPlan, type Mismatch } from './lockstepEngine.ts';

export interface LockstepGuest {
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  readonly memoryMiB: number;
  readonly cpuModel: MachineSpec['cpuModel'];
}

export interface LockstepOutcome {
  readonly mismatch: Mismatch | undefined;
  readonly end: MachineEnd | undefined;
  /** Instructions in all, and of those compared. */
  readonly instructions: number;
  readonly compared: number;
  readonly output: string;
  readonly counters: Readonly<Record<string, number>>;
}

const wallMs = Date.UTC(2026, 0, 1);

/** Until the guest ends, the engines part, all windows are done or `instructions` have been run. */
export async function runLockstep(
  guest: LockstepGuest,
  plan: LockstepPlan,
  options: { readonly instructions?: number; readonly print?: (text: string) => void } = {},
): Promise<LockstepOutcome> {
  const [kernelFile, initrd] = await Promise.all([
    readBootFile('kernel', guest.kernel),
    readBootFile('initrd', guest.initrd),
  ]);
  const kernel = await bootableKernel(kernelFile, 'auto');
  const core = await loadCore();
  let engine: LockstepEngine | undefined;
  let output = '';
  const machine = createPc(
    {
      memory: guest.memoryMiB * 2 ** 20,
      cpus: 1,
      cpuModel: guest.cpuModel,
      engine: 'translator',
      boot: { kernel, initrd, commandLine: guest.commandLine },
      drives: [],
      serial: [
        {
          write: (bytes) => {
            const text = Buffer.from(bytes).toString('latin1');
            output += text;
            options.print?.(text);
          },
          connect: () => undefined,
        },
      ],
      debugExit: false,
      time: { counted: { wallMs } },
    },
    {
      createEngine: (request) => (engine = new LockstepEngine(core, request, plan)),
      yieldToEventLoop: () => nextTurn(),
      onHostFailure: (message) => {
        throw new Error(message);
      },
    },
  );
  if (engine === undefined) throw new Error('the machine has no engine');
  const pair = engine;
  machine.start();
  let end: MachineEnd | undefined;
  void machine.ended.then((how) => (end = how));
  while (
    end === undefined &&
    pair.mismatch === undefined &&
    !pair.finished &&
    pair.instructionsRetired() < (options.instructions ?? Infinity)
  )
    await nextTurn();
  const counters = machine.counters();
  await machine.dispose();
  const { mismatch, compared } = pair;
  return { mismatch, end, instructions: pair.instructionsRetired(), compared, output, counters };
}

/** Runs again, twice if only memory differs, to say which instruction it was. */
export async function locate(
  guest: LockstepGuest,
  plan: LockstepPlan,
  first: Mismatch,
): Promise<Mismatch> {
  let found = first;
  let compareRamFrom: number | undefined;
  // From the start of the run before, without windows' seams.
  const windowsTo = (mismatch: Mismatch): LockstepPlan['windows'] =>
    plan.windows && [{ start: 0, length: mismatch.instructions + mismatch.retired + 1_000_000 }];
  if (first.differences.length === 0 && first.memory.length > 0) {
    compareRamFrom = first.ramEqualAfter + 1;
    const again = await runLockstep(guest, { ...plan, windows: windowsTo(found), compareRamFrom });
    if (again.mismatch === undefined) return { ...first, detail: 'it did not happen again' };
    found = again.mismatch;
  }
  const last = await runLockstep(guest, {
    ...plan,
    windows: windowsTo(found),
    dissect: found.run,
    ...(compareRamFrom === undefined ? {} : { compareRamFrom: found.run }),
  });
  return last.mismatch?.trace === undefined ? found : last.mismatch;
}
