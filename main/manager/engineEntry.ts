import { fileURLToPath } from 'node:url';

/**
 * An entry file of the engine (emulator/host) or a program of ours: its source, or what it was built to, which lies beside
 * all built programs (electron.config.ts).
 */
export function engineEntry(name: 'diskTool' | 'run' | 'vmProcess'): URL {
  const entry = import.meta.url.endsWith('.ts') ? `../../emulator/host/${name}.ts` : `./${name}.js`;
  return new URL(entry, import.meta.url);
}

/** The built window, seen from the sources or from a built program. */
export const windowFolder = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../out/renderer' : '../renderer', import.meta.url),
);
