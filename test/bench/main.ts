/**
 * `npm run bench [-- --runs N --engine E]`, on what `npm run build` has built: the bare-metal kernel on this project's engine, QEMU
 * TCG and v86, alternating on the same machine. Prints guest MIPS, ratios of medians, and for each row that against the
 * better rival.
 * `--guests boot,shell,shell32`: Linux guests instead (guests.ts); `--compare OPTIONS` adds this engine with further options
 * of `guesthouse run`, separated by commas.
 * `--storage`: `disk convert` against qemu-img, and fio in a guest against QEMU TCG (storage/convert.ts, fio.ts).
 * `--network`: the network stack alone, and iperf3 between a guest and the host (network/iperf.ts).
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildKernel } from './buildKernel.ts';
import { guesthouse, qemuTcg, timeRows, v86, type Bits, type Contender } from './contenders.ts';
import { benchIperf } from './network/iperf.ts';
import { benchStack } from './network/stackThroughput.ts';
import { benchConvert } from './storage/convert.ts';
import { benchFio } from './storage/fio.ts';
import { countInstructions } from './countInstructions.ts';
import { benchGuests } from './guests.ts';
import { geometricMean, median } from './statistics.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    engine: { type: 'string', default: 'translator' },
    bits: { type: 'string', default: '32,64' },
    alone: { type: 'boolean', default: false },
    guests: { type: 'string' },
    compare: { type: 'string', multiple: true, default: [] },
    /** By CPU time of the busiest thread instead of the host's clock: for a machine that others use, too. */
    cpu: { type: 'boolean', default: false },
    /** Another build of the kernel. */
    kernel: { type: 'string' },
    /** Only disks. */
    storage: { type: 'boolean', default: false },
    /** Only the network stack. */
    network: { type: 'boolean', default: false },
  },
});
const runs = Number(values.runs);
const ours = guesthouse(values.engine === 'translator' ? 'translator' : 'interpreter');
const rivals = values.alone
  ? []
  : [qemuTcg, v86('jit'), ...(values.engine === 'interpreter' ? [v86('interpreter')] : [])];
const cache = path.resolve(import.meta.dirname, '../../.cache/bench');
/** The rows whose geometric mean is called the mix. */
const mix = ['fib', 'sieve', 'interp', 'vcall', 'hash', 'chase'];

async function compare(bits: Bits): Promise<void> {
  const kernel = values.kernel ?? buildKernel(bits, cache);
  const instructions = await countInstructions(kernel, bits);
  const contenders: Contender[] = [ours, ...rivals].filter((one) => one.bits.includes(bits));
  const times = new Map(contenders.map((one) => [one, new Map<string, number[]>()]));
  for (let run = 0; run < runs; run++)
    for (const one of contenders) {
      const { milliseconds, busy } = await timeRows(one, kernel, bits);
      for (const [row, list] of values.cpu ? busy : milliseconds)
        times.get(one)!.set(row, [...(times.get(one)!.get(row) ?? []), ...list]);
    }

  const rows = [...instructions.keys()];
  const mips = (one: Contender, row: string): number =>
    instructions.get(row)! / median(times.get(one)!.get(row)!) / 1000;
  const heading = [
    'row'.padEnd(8),
    'M instr'.padStart(9),
    ...contenders.map((c) => c.name.padStart(22)),
    'best'.padStart(7),
  ];
  process.stdout.write(
    `\n${bits}-bit build: guest MIPS${values.cpu ? ' by CPU time of the busiest thread' : ''}, medians of ${runs} runs x 3 rounds; in brackets, ours against theirs; best: against the better rival\n`,
  );
  process.stdout.write(`${heading.join(' ')}\n`);
  const print = (name: string, count: string, value: (one: Contender) => number): void => {
    const own = value(ours);
    const cells = contenders.map((one) =>
      one === ours
        ? own.toFixed(1).padStart(22)
        : `${value(one).toFixed(1)} (${(own / value(one)).toFixed(2)}x)`.padStart(22),
    );
    const best = Math.max(...contenders.filter((one) => one !== ours).map(value));
    const against = Number.isFinite(best) ? `${(own / best).toFixed(2)}x` : '';
    process.stdout.write(
      `${[name.padEnd(8), count.padStart(9), ...cells, against.padStart(7)].join(' ')}\n`,
    );
  };
  for (const row of rows)
    print(row, (instructions.get(row)! / 1e6).toFixed(1), (one) => mips(one, row));
  print('mix', '', (one) => geometricMean(mix.map((row) => mips(one, row))));
}

if (values.guests !== undefined) await benchGuests(values.guests.split(','), runs, values.compare);
else if (values.storage) {
  benchConvert(runs, 1024);
  await benchFio(runs);
} else if (values.network) {
  await benchStack();
  await benchIperf(runs);
} else {
  for (const bits of values.bits.split(',')) await compare(bits === '32' ? 32 : 64);
  await benchStack();
}
