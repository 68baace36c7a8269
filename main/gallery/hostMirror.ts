/** The Debian mirror that this machine itself uses, if it is one with apt. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readParagraphs } from './controlFile.ts';

/** Without a slash at its end; undefined if apt is not here or names none. */
export async function hostMirror(apt = '/etc/apt'): Promise<string | undefined> {
  const folder = join(apt, 'sources.list.d');
  const names = (await readdir(folder).catch(() => [])).sort().map((name) => join(folder, name));
  for (const file of [join(apt, 'sources.list'), ...names]) {
    const text = await readFile(file, 'utf8').catch(() => '');
    for (const url of file.endsWith('.sources') ? fromParagraphs(text) : fromLines(text))
      if (/^https?:\/\/.*\/debian\/*$/.test(url)) return url.replace(/\/+$/, '');
  }
  return undefined;
}

function fromParagraphs(text: string): string[] {
  return [...readParagraphs(text)]
    .filter((fields) => /\bdeb\b/.test(fields.get('Types') ?? '') && fields.get('Enabled') !== 'no')
    .flatMap((fields) => (fields.get('URIs') ?? '').split(/\s+/));
}

const fromLines = (text: string): string[] =>
  [...text.matchAll(/^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)/gm)].map(([, url]) => url!);
