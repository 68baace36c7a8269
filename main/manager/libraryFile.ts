import writeFileAtomic from 'write-file-atomic';
import { UserError } from '../../shared/services/errors.ts';

/** Replaces a file of the library as a whole. Rejects with UserError (code 'library-write'). */
export async function writeLibraryFile(path: string, content: unknown): Promise<void> {
  try {
    await writeFileAtomic(path, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  } catch (error) {
    throw new UserError(
      {
        code: 'library-write',
        message: `The file ${path} cannot be written (${String((error as NodeJS.ErrnoException).code ?? error)}).`,
        hint: 'Check free space and permissions of the library folder.',
      },
      { cause: error },
    );
  }
}
