import { UserError } from '../../shared/services/errors.ts';
import { BlockError, OutsideFolders, type BlockErrorCode } from '../backends/block.ts';
import { KernelImageError } from '../firmware/kernelImageError.ts';

const diskHints: Readonly<Record<BlockErrorCode, string>> = {
  io: 'Check the drive that holds the image.',
  'no-space': 'Free some space on the host.',
  'read-only': 'Attach the disk read-only, or make the image writable.',
  locked: 'Power off the VM that uses it, or attach the disk read-only in both.',
  missing: 'Choose another image, or remove the disk from the VM.',
  exists: 'Choose another name, or remove the file.',
  corrupt: 'Try "guesthouse disk check --repair", or choose another image.',
  unsupported: 'Convert it with the program that made it, or choose another image.',
  'not-allowed': 'Allow that folder if you trust the image: --disk FILE,allow=FOLDER.',
  cancelled: 'Start it again.',
  permission: 'Change the permissions of the image, or attach it read-only.',
};

/** A complaint about the kernel's bytes, with the name of the file that they were read from. */
export function namingKernel(error: unknown, path: string): unknown {
  if (!(error instanceof KernelImageError)) return error;
  const message = error.message.replace(
    /^The (?:file|kernel file|kernel|(Multiboot) kernel) /,
    (_, kind?: string) => `The ${kind === undefined ? '' : `${kind} `}kernel file ${path} `,
  );
  const { code, hint } = error;
  return new UserError({ code, message, ...(hint !== undefined && { hint }) }, { cause: error });
}

/** Turns what building a machine can throw into the error that a person sees. */
export function asUserError(error: unknown): UserError {
  if (error instanceof UserError) return error;
  if (error instanceof BlockError) {
    return new UserError(
      {
        ...{ code: `disk-${error.code}`, message: error.message, hint: diskHints[error.code] },
        ...(error instanceof OutsideFolders && { wanted: error.wanted }),
      },
      { cause: error },
    );
  }
  const message = error instanceof Error ? error.message : String(error);
  // What V8 says when it cannot reserve or commit a WebAssembly.Memory.
  if (error instanceof RangeError && /memory/i.test(message)) {
    return new UserError(
      {
        code: 'no-memory',
        message: 'The host cannot give the machine the memory that it is set to.',
        hint: 'Set less memory, or close other programs.',
      },
      { cause: error },
    );
  }
  return new UserError(
    { code: 'internal', message: `The machine could not be built: ${message}` },
    { cause: error },
  );
}
