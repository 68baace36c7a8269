import { CommanderError } from 'commander';
import { UserError } from '../../shared/services/errors.ts';
import { runExit } from '../../shared/vm/runExit.ts';

/** Bad arguments: exit code 64 with one line that says what to change. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Exit code and text for whatever a command threw. `help` is the command line that would explain. */
export function describeFailure(error: unknown, help: string): { code: number; text: string } {
  if (error instanceof CommanderError) {
    // Commander has printed its help or version already.
    if (error.exitCode === 0) return { code: 0, text: '' };
    const what = oneLine(error.message.replace(/^error: /, '')).replace(/\.$/, '');
    return { code: runExit.usage, text: `${what}; see "${help}"` };
  }
  if (error instanceof UsageError) return { code: runExit.usage, text: oneLine(error.message) };
  if (error instanceof UserError) {
    const text = oneLine(error.hint ? `${error.message} ${error.hint}` : error.message);
    return { code: error.code === 'unsupported' ? runExit.usage : 1, text };
  }
  return {
    code: runExit.unusable,
    text: error instanceof Error ? String(error.stack) : String(error),
  };
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
