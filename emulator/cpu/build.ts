/**
 * Compiles emulator/cpu/core.ts to emulator/cpu/build/core.wasm with AssemblyScript, if an input is
 * newer than the result. `--force` compiles always, `--debug` keeps names and skips optimisation.
 */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { CORE_STATIC_BASE } from './layout.ts';

const here = import.meta.dirname;
const output = join(here, 'build/core.wasm');
const debug = process.argv.includes('--debug');

const newestInput = (): number =>
  Math.max(
    ...[here, join(here, 'generated')].flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.ts'))
        .map((name) => statSync(join(folder, name)).mtimeMs),
    ),
  );

if (
  process.argv.includes('--force') ||
  !existsSync(output) ||
  statSync(output).mtimeMs < newestInput()
) {
  mkdirSync(join(here, 'build'), { recursive: true });
  const started = Date.now();
  const { error, stderr } = await asc.main([
    'core.ts',
    '--baseDir', here,
    '--outFile', 'build/core.wasm',
    '--runtime', 'stub',
    '--importMemory',
    '--sharedMemory',
    '--initialMemory', '64',
    '--maximumMemory', '65536',
    '--memoryBase', String(CORE_STATIC_BASE),
    '--enable', 'simd,threads,bulk-memory',
    ...(debug ? ['--debug'] : ['-O2']),
  ]);
  if (error !== null) {
    process.stderr.write(`${stderr.toString()}\n${error.message}\n`);
    process.exit(1);
  }
  const [seconds, size] = [(Date.now() - started) / 1000, statSync(output).size / 1024];
  process.stdout.write(`core: ${seconds.toFixed(1)} s, ${size.toFixed(0)} KiB\n`);
}
