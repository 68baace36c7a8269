/** Errors of the services come in English; here they become the window's language, by their text. */
import type { Language } from './i18n.ts';
import { engineMessagesDe } from './engineMessages.de.ts';
import { kvmMessagesDe } from './kvmMessages.de.ts';
import { nbdMessagesDe } from './nbdMessages.de.ts';
import { serviceMessagesDe } from './serviceMessages.de.ts';

/** English texts and their translations; {1}, {2}… are values, which may be texts of the table themselves. */
export type MessageTable = readonly (readonly [english: string, translation: string])[];

const tables: Partial<Record<Language, MessageTable>> = {
  de: [...serviceMessagesDe, ...engineMessagesDe, ...nbdMessagesDe, ...kvmMessagesDe],
};
const compiled = new Map<Language, readonly (readonly [RegExp, string[], string])[]>();

/** The text as it is if it is not in the table. */
export function translateMessage(text: string, language: Language): string {
  const table = tables[language];
  if (table === undefined) return text;
  let rules = compiled.get(language);
  if (rules === undefined) compiled.set(language, (rules = inOrder(table).map(compile)));
  for (const [pattern, names, translation] of rules) {
    const match = pattern.exec(text);
    if (!match) continue;
    return translation.replace(/\{\d+\}/g, (name) =>
      translateMessage(match[names.indexOf(name) + 1] ?? '', language),
    );
  }
  return text;
}

/** What has more of its own comes first: "The file {1} does not exist." before "The file {1} {2}." */
function inOrder(table: MessageTable): MessageTable {
  const own = ([english]: MessageTable[number]) => english.replace(/\{\d+\}/g, '').length;
  return [...table].sort((a, b) => own(b) - own(a));
}

function compile([english, translation]: MessageTable[number]): readonly [
  RegExp,
  string[],
  string,
] {
  const names = [...english.matchAll(/\{\d+\}/g)].map(([name]) => name);
  const source = english
    .split(/\{\d+\}/)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('(.*?)');
  return [new RegExp(`^${source}$`, 's'), names, translation];
}
