/** Preloaded (node --import) into a process under soak: a line with its memory on stderr every few seconds. */
import { memorySample } from './memorySample.ts';

const everyMs = Number(process.env['SOAK_SAMPLE_MS'] ?? 5000);

setInterval(() => {
  process.stderr.write(`SOAK ${JSON.stringify(memorySample())}\n`);
}, everyMs).unref();
