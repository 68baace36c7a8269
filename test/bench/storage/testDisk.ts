/** Raw disks for the bench. */
import { randomFillSync } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const chunk = 1 << 20;
export type Kind = 'hole' | 'zeroes' | 'random' | 'text';
/** Eighths of a disk: a hole, zeroes that are stored, random bytes, text; as a system's disk is, in turns of 32 MiB. */
export const turns: readonly Kind[] = [
  'hole',
  'text',
  'random',
  'text',
  'zeroes',
  'hole',
  'random',
  'text',
];

/** A raw disk of `mebibytes`, its content in turns of 32 MiB. */
export function makeDisk(file: string, mebibytes: number, kinds: readonly Kind[]): void {
  const handle = openSync(file, 'w');
  const words = 'the disk holds what a guest has written there and nothing of it is lost '.split(
    ' ',
  );
  const random = new Uint8Array(chunk);
  for (let at = 0; at < mebibytes; at++) {
    const kind = kinds[Math.floor(at / 32) % kinds.length];
    if (kind === 'hole') continue;
    randomFillSync(random);
    if (kind === 'zeroes') random.fill(0);
    if (kind === 'text') {
      let text = '';
      for (let i = 0; text.length < chunk; i++)
        text += `${words[random[i % chunk]! % words.length]} `;
      random.set(Buffer.from(text.slice(0, chunk)));
    }
    writeSync(handle, random, 0, chunk, at * chunk);
  }
  ftruncateSync(handle, mebibytes * chunk);
  closeSync(handle);
}
