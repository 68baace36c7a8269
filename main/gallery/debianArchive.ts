/** A Debian archive: its signed release file, the index of packages that this vouches for, and so each package. */
import * as openpgp from 'openpgp';
import { UserError } from '../../shared/services/errors.ts';
import { readParagraphs, type Paragraph } from './controlFile.ts';
import { decompress } from './debFile.ts';
import { fetchText, type Downloads, type WantedFile } from './downloads.ts';

export interface ArchiveChoice {
  /** Without a slash at its end. */
  readonly mirror: string;
  readonly suite: string;
  readonly component: string;
  readonly architecture: string;
  /** OpenPGP public keys, in ASCII armour; one of them must have signed. */
  readonly keys: readonly string[];
}

/** All packages by name. Rejects with UserError. */
export async function readArchive(
  choice: ArchiveChoice,
  downloads: Downloads,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Paragraph>> {
  const { mirror, suite, component, architecture } = choice;
  const base = `${mirror}/dists/${suite}`;
  const signed = await fetchText(`${base}/InRelease`, signal, 4 * 2 ** 20);
  const release = await verifiedText(signed, choice.keys, `${base}/InRelease`);
  const name = `${component}/binary-${architecture}/Packages.xz`;
  const line = new RegExp(`^ ([0-9a-f]{64}) +(\\d+) ${RegExp.escape(name)}$`, 'm').exec(release);
  if (!line) {
    throw new UserError({
      code: 'mirror',
      message: `${base}/InRelease names no ${name}.`,
      hint: 'Choose another mirror in the preferences.',
    });
  }
  const index: WantedFile = { url: `${base}/${name}`, sha256: line[1]!, size: Number(line[2]) };
  const packed = await downloads.fetch(index, signal, () => undefined);
  const text = Buffer.from(await decompress(name, packed)).toString('utf8');
  const packages = new Map<string, Paragraph>();
  for (const fields of readParagraphs(text)) packages.set(fields.get('Package') ?? '', fields);
  return packages;
}

export function packageFile(mirror: string, fields: Paragraph): WantedFile {
  const field = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new Error(`A package has no field ${name}.`);
    return value;
  };
  return {
    url: `${mirror}/${field('Filename')}`,
    size: Number(field('Size')),
    sha256: field('SHA256'),
  };
}

/**
 * The text of a message in clear that one of the keys has signed (RFC 9580 §7). Rejects with UserError 'signature'.
 * @param from for the message
 */
export async function verifiedText(
  signed: string,
  keys: readonly string[],
  from: string,
): Promise<string> {
  let why = 'none of the signatures is by a key of the gallery entry';
  try {
    const verificationKeys = (
      await Promise.all(keys.map((armoredKeys) => openpgp.readKeys({ armoredKeys })))
    ).flat();
    const message = await openpgp.readCleartextMessage({ cleartextMessage: signed });
    const { signatures, data } = await openpgp.verify({ message, verificationKeys });
    for (const { verified } of signatures)
      if (await verified.catch((error: Error) => void (why = error.message))) return data;
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  throw new UserError({
    code: 'signature',
    message: `The signature of ${from} is not good: ${why}.`,
    hint: 'Nothing of it is used. Choose another mirror in the preferences.',
  });
}
