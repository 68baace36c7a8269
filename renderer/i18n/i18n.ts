/** The window's texts. They live in catalogues, one for each language; code names them by their place there. */
import i18next from 'i18next';
import { de } from './de.ts';
import { en } from './en.ts';

/** Every language has the English catalogue's shape. */
export type Catalogue = Texts<typeof en>;
export type Texts<T> = { readonly [K in keyof T]: T[K] extends string ? string : Texts<T[K]> };

type Plural = '_one' | '_other';
type WithoutPlural<K extends string> = K extends `${infer Stem}${Plural}` ? Stem : K;
type Places<T> = {
  [K in keyof T & string]: T[K] extends string ? WithoutPlural<K> : `${K}.${Places<T[K]>}`;
}[keyof T & string];
/** Where a text stands: `toolbar.start`. */
export type TextKey = Places<typeof en>;

/** What stands in a text's places in double braces; `count` chooses the plural. */
export type TextValues = Readonly<Record<string, string | number>>;

export const catalogues = { en, de } as const satisfies Record<string, Catalogue>;
export type Language = keyof typeof catalogues;
export const languages = Object.keys(catalogues) as Language[];

/** In the language itself, as its speakers look for it. */
export const languageNames: Readonly<Record<Language, string>> = { en: 'English', de: 'Deutsch' };

const storageKey = 'guesthouse.language';

/** The language the person chose; undefined: the system's is used. */
export function chosenLanguage(): Language | undefined {
  const chosen = globalThis.localStorage?.getItem(storageKey);
  return languages.find((language) => language === chosen);
}

function systemLanguage(): Language {
  const wanted = globalThis.navigator?.languages ?? [];
  const known = wanted.map((tag) => languages.find((one) => tag.toLowerCase().startsWith(one)));
  return known.find((language) => language !== undefined) ?? 'en';
}

const texts = i18next.createInstance();
void texts.init({
  lng: chosenLanguage() ?? systemLanguage(),
  fallbackLng: 'en',
  resources: Object.fromEntries(
    Object.entries(catalogues).map(([language, translation]) => [language, { translation }]),
  ),
  // React escapes.
  interpolation: { escapeValue: false },
  initAsync: false,
});

/** The text in the language of now. */
export function t(key: TextKey, values?: TextValues): string {
  return texts.t(key, values ?? {});
}

export function currentLanguage(): Language {
  return languages.find((language) => language === texts.language) ?? 'en';
}

const listeners = new Set<() => void>();

/** undefined: like the system's. Whoever shows texts draws itself anew, see `onLanguage`. */
export function chooseLanguage(language: Language | undefined): void {
  if (language === undefined) localStorage.removeItem(storageKey);
  else localStorage.setItem(storageKey, language);
  void texts.changeLanguage(language ?? systemLanguage());
  for (const listener of listeners) listener();
}

export function onLanguage(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
