/** preferences.json of a library; what cannot be read in it counts as not chosen, and is kept beside. */
import { readFile, rename } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { UserError } from '../../shared/services/errors.ts';
import type { PreferenceService } from '../../shared/services/preferences.ts';
import { preferencesSchema, type Preferences } from '../../shared/vm/preferences.ts';

export function createPreferences(
  folder: string,
  changed: (preferences: Preferences) => void,
): PreferenceService {
  const file = join(folder, 'preferences.json');
  let turn: Promise<unknown> = Promise.resolve();

  const get = async (): Promise<Preferences> => {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) return {};
    try {
      return preferencesSchema.parse(JSON.parse(text));
    } catch {
      await rename(file, `${file}.unusable`).catch(() => undefined);
      return {};
    }
  };
  return {
    get,
    change: (changes) => {
      const work = turn.then(async () => {
        if (typeof changes.disksFolder === 'string' && !isAbsolute(changes.disksFolder))
          throw new UserError({
            code: 'invalid',
            message: `"${changes.disksFolder}" is not an absolute path.`,
            hint: 'Give the whole path.',
          });
        const merged = Object.entries({ ...(await get()), ...changes });
        const after = preferencesSchema.parse(
          Object.fromEntries(merged.filter(([, value]) => value !== null && value !== undefined)),
        );
        await writeFileAtomic(file, `${JSON.stringify(after, null, 2)}\n`, { mode: 0o600 });
        changed(after);
        return after;
      });
      turn = work.catch(() => undefined);
      return work;
    },
  };
}
