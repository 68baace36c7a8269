/** Files that are made under another name first; nothing that is there is overwritten. */
import { access, rename } from 'node:fs/promises';
import { UserError } from '../../../shared/services/errors.ts';

export async function checkFree(path: string): Promise<void> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (there)
    throw new UserError({
      ...{ code: 'exists', message: `There is a file ${path} already.` },
      hint: 'Choose another name, or remove it.',
    });
}

/** A finished file gets its name, unless another one got it meanwhile. */
export async function place(from: string, to: string): Promise<void> {
  await checkFree(to);
  await rename(from, to);
}
