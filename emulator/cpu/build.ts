/**
 * Compiles emulator/cpu/core.ts to emulator/cpu/build/core.wasm with AssemblyScript, if an input is
 * newer than the result. `--force` compiles always, `--names` keeps function names for profiles.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { CORE_STATIC_BASE } from './layout.ts';
import { withTailCalls } from './tailCalls.ts';

const here = import.meta.dirname;
const output = join(here, 'build/core.wasm');

const newestInput = (): number =>
  Math.max(
    ...[here, join(here, 'generated')].flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
        .map((name) => statSync(join(folder, name)).mtimeMs),
    ),
  );

if (
  process.argv.includes('--force') ||
  process.argv.includes('--names') ||
  !existsSync(output) ||
  statSync(output).mtimeMs < newestInput()
) {
  mkdirSync(join(here, 'build'), { recursive: true });
  const started = Date.now();
  // Several builds may run at once: each has its own files and renames at the end.
  const raw = `build/raw-${process.pid}.wasm`;
  const { error, stderr } = await asc.main([
    'core.ts',
    '--baseDir', here,
    '--outFile', raw,
    '--runtime', 'stub',
    '--importMemory',
    '--exportTable',
    '--sharedMemory',
    '--initialMemory', '64',
    '--maximumMemory', '65536',
    '--memoryBase', String(CORE_STATIC_BASE),
    '--enable', 'simd,threads,bulk-memory',
    // Names tell tailCalls.ts which functions are handlers.
    '--debug',
    // Vectors cross to translated code only, which is wasm too.
    '--disableWarning', '112',
  ]);
  if (error !== null) {
    process.stderr.write(`${stderr.toString()}\n${error.message}\n`);
    process.exit(1);
  }
  const binary = withTailCalls(readFileSync(join(here, raw)), process.argv.includes('--names'));
  writeFileSync(join(here, raw), binary);
  renameSync(join(here, raw), output);
  const [seconds, size] = [(Date.now() - started) / 1000, binary.length / 1024];
  process.stdout.write(`core: ${seconds.toFixed(1)} s, ${size.toFixed(0)} KiB\n`);
}
