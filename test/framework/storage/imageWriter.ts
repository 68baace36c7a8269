/**
 * A program that writes at random to many images at once until it is killed: `imageWriter.ts FORMAT SEED IMAGE…`. Beside
 * each image its journal tells what was asked of the disk and what had ended, in order (journalOf below): whoever
 * finds the images can tell what must be in them.
 */
import { openSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { BlockImage, ImageFormat } from '../../../emulator/block/blockImage.ts';
import { openDisk } from '../../../emulator/block/file/fileDisk.ts';
import { Recording } from './powerCut.ts';
import { Random } from './random.ts';

const sector = 512;
const kinds = ['w', 'z', 'd'] as const;

/** What a sector of the write `id` holds. */
function stamped(id: number, length: number): Uint8Array {
  const words = new Uint32Array(length / 4);
  for (let i = 0; i < words.length; i++) words[i] = id * 1024 + Math.floor(i / (sector / 4)) + 1;
  return new Uint8Array(words.buffer);
}

export const journalOf = (image: string): string => `${image}.journal`;

/** The journal as a recording; a last line that was cut off counts as not written. */
export async function readJournal(image: string): Promise<Recording> {
  const recording = new Recording();
  const lines = (await readFile(journalOf(image), 'latin1')).split('\n').slice(0, -1);
  for (const line of lines) {
    const [kind = '', id = 0, offset = 0, length = 0] = line
      .split(' ')
      .map((word, i) => (i === 0 ? word : Number(word))) as [string, number, number, number];
    if (kind === 'f') recording.events.push({ at: 'disk flush', id });
    else if (kind === 'F') recording.events.push({ at: 'disk flushed', id });
    else if (kind === 'e') recording.events.push({ at: 'disk done', id });
    else {
      const bytes = kind === 'w' ? stamped(id, length) : new Uint8Array(length);
      recording.events.push({ at: 'disk', id, offset, bytes, weak: kind === 'd' });
    }
  }
  return recording;
}

/** Never ends. Requests of the queues never overlap: each has every third sector group of its own. */
async function write(image: BlockImage, journal: number, seed: number): Promise<never> {
  const random = new Random(seed);
  const tell = (line: string): void => void writeSync(journal, `${line}\n`);
  // Other stamps than those of the writer before.
  let next = 1 + (seed % 4000) * 1000;
  const queues = 3;
  const sectors = Math.floor(image.size / sector);
  const share = Math.floor(sectors / queues);
  const queue = async (number: number): Promise<never> => {
    for (;;) {
      const id = next++;
      if (random.next() < 0.15) {
        tell(`f ${id}`);
        await image.flush();
        tell(`F ${id}`);
        continue;
      }
      const first = number * share + random.below(share);
      const count = Math.min(
        1 + random.below(random.next() < 0.8 ? 16 : 128),
        (number + 1) * share - first,
      );
      const [offset, length] = [first * sector, count * sector];
      const kind = random.next() < 0.8 ? 'w' : random.pick(kinds);
      tell(`${kind} ${id} ${offset} ${length}`);
      if (kind === 'w') await image.write(offset, [stamped(id, length)]);
      else if (kind === 'z') await image.writeZeroes(offset, length);
      else await image.discard(offset, length);
      tell(`e ${id}`);
    }
  };
  return Promise.race(Array.from({ length: queues }, (_, number) => queue(number)));
}

if (process.argv[1] === import.meta.filename) {
  const [, , format, seed, ...paths] = process.argv;
  const images = await Promise.all(
    paths.map((path) => openDisk({ path, format: format as ImageFormat, readOnly: false })),
  );
  const journals = paths.map((path) => openSync(journalOf(path), 'w'));
  process.stdout.write('working\n');
  await Promise.race(
    images.map((image, i) => write(image, journals[i] as number, Number(seed) + i)),
  );
}
