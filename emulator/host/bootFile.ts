import { open } from 'node:fs/promises';
import { UserError } from '../../shared/services/errors.ts';

/** Larger than any kernel or initramfs that fits the PC's memory below the PCI hole. */
const maxBytes = 2 ** 31 - 1;

/** Reads a kernel or initrd whole. `what` is "kernel" or "initrd"; rejects with UserError. */
export async function readBootFile(what: string, path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const status = await file.stat();
      if (status.isDirectory()) throw problem(what, path, 'is a folder', 'not-a-file');
      if (status.size > maxBytes) throw problem(what, path, 'is larger than 2 GiB', 'too-large');
      const bytes = await file.readFile();
      if (bytes.length === 0) throw problem(what, path, 'is empty', 'empty-file');
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw problem(what, path, 'does not exist', 'missing-file', error);
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw problem(what, path, 'may not be read by you', 'permission', error);
    }
    throw problem(what, path, `cannot be read (${String(code ?? error)})`, 'unreadable', error);
  }
}

function problem(
  what: string,
  path: string,
  how: string,
  code: string,
  cause?: unknown,
): UserError {
  return new UserError(
    {
      code: `${what}-${code}`,
      message: `The ${what} file ${path} ${how}.`,
      hint: `Choose another ${what} file.`,
    },
    { cause },
  );
}
