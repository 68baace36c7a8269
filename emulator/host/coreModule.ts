import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../shared/services/errors.ts';

/** Where the built CPU core may lie: in the source tree, or beside the bundled entry files. */
const places = ['../cpu/build/core.wasm', './core.wasm'];

export async function readCore(): Promise<Uint8Array<ArrayBuffer>> {
  for (const place of places) {
    try {
      return Uint8Array.from(await readFile(fileURLToPath(new URL(place, import.meta.url))));
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
