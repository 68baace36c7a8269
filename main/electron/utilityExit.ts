import { constants } from 'node:os';
import type { ProcessExit } from '../manager/vmProcessStarter.ts';

/**
 * Electron gives one number, from waitpid on POSIX: an exit code, or the number of the signal that
 * ended the process. VM processes never exit with such small codes by themselves, except 0.
 */
export function utilityExit(code: number, platform: NodeJS.Platform): ProcessExit {
  if (platform === 'win32') return { code, signal: null };
  const named = Object.entries(constants.signals).find(([, number]) => number === code);
  return named ? { code: null, signal: named[0] } : { code, signal: null };
}
