import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { UserError } from '../../shared/services/errors.ts';

/** Where the built CPU core may lie: in the source tree, or beside the bundled entry files. */
const places = ['../cpu/build/core.wasm', './core.wasm'];

/**
 * Bytes of a function that run before V8 optimises it: a third of its default, as boot loaders are over before the
 * interpreter's functions are optimised otherwise (docs/performance.md, "Firmware").
 */
const tieringBudget = 600_000;

/** The compiled CPU core. Rejects with UserError if it was not built. */
export async function loadCore(): Promise<WebAssembly.Module> {
  setFlagsFromString(`--wasm-tiering-budget=${tieringBudget}`);
  for (const place of places) {
    try {
      const bytes = await readFile(fileURLToPath(new URL(place, import.meta.url)));
      return await WebAssembly.compile(Uint8Array.from(bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new UserError({
    code: 'core-missing',
    message: 'The CPU core is not built: emulator/cpu/build/core.wasm does not exist.',
    hint: 'Build it with "npm run gen".',
  });
}
