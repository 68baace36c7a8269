import { existsSync } from 'node:fs';
import path from 'node:path';

const built = path.resolve(import.meta.dirname, '../../out/main/guesthouse.js');

/** The command as people have it. Throws if it is not built. */
export function builtCommand(): string {
  if (!existsSync(built)) throw new Error(`${built} is not there: run "npm run build" first`);
  return built;
}
