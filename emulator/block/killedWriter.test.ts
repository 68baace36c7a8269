/**
 * Writers to images of every format are killed (SIGKILL) a thousand times a format: afterwards everything flushed is
 * there and the image is in order. One process writes to many images, so each kill cuts many writers at points of
 * their own; the same images go on with the next. About a minute and a half.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { smallCases } from '../../test/framework/storage/imageCases.ts';
import { readJournal } from '../../test/framework/storage/imageWriter.ts';
import { MemoryStore } from '../../test/framework/storage/memoryStore.ts';
import { Replay } from '../../test/framework/storage/powerCut.ts';
import { qemuCheck } from '../../test/framework/storage/qemuImg.ts';
import { Random, seedOf } from '../../test/framework/storage/random.ts';
import { openDisk } from './file/fileDisk.ts';

const cutsPerFormat = 1000;
const imagesAtOnce = 100;
const seed = seedOf('killed writers');
/** In memory where the host has such a place: what a process wrote outlives it anywhere. */
const shared = '/dev/shm';
const base = existsSync(shared) ? shared : os.tmpdir();
const folder = mkdtempSync(path.join(base, 'guesthouse-kill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const program = path.resolve(import.meta.dirname, '../../test/framework/storage/imageWriter.ts');

async function writeAndKill(
  format: string,
  number: number,
  images: string[],
  afterMs: number,
): Promise<void> {
  const child = spawn(process.execPath, [program, format, String(number), ...images], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_, signal) => resolve(signal)),
  );
  await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), ended]);
  await wait(afterMs);
  child.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
}

describe.for(smallCases)('images of the kind $name', (kind) => {
  const kinds = smallCases.filter(({ format }) => format === kind.format).length;
  const kills = Math.ceil(cutsPerFormat / kinds / imagesAtOnce);

  test(
    'keep what was flushed, and are in order, when their writer is killed',
    { timeout: 600_000 },
    async () => {
      const own = mkdtempSync(path.join(folder, 'kind-'));
      const random = new Random(seed);
      const store = new MemoryStore();
      let content = await kind.make(store);
      const images = Array.from({ length: imagesAtOnce }, (_, i) => {
        const place = path.join(own, String(i));
        mkdirSync(place);
        for (const [name, file] of store.files) writeFileSync(path.join(place, name), file.bytes);
        return path.join(place, 'image');
      });
      const contents = images.map(() => content);
      for (let kill = 0; kill < kills; kill++) {
        await writeAndKill(kind.format, seed + kill * imagesAtOnce, images, 20 + random.below(100));
        for (const [i, image] of images.entries()) {
          try {
            const replay = new Replay(
              await readJournal(image),
              new Uint8Array(),
              contents[i] as Uint8Array,
            );
            await replay.finish();
            if (i === 0 && kind.judged) qemuCheck(image, kind.format, { leaks: false });
            const disk = await openDisk({ path: image, format: kind.format, readOnly: false });
            expect((await disk.check()).errors).toEqual([]);
            content = new Uint8Array(disk.size);
            await disk.read(0, [content]);
            replay.check(content);
            contents[i] = content;
            await disk.close();
          } catch (error) {
            throw new Error(`kill ${kill}, image ${i}: ${String(error)}`, { cause: error });
          }
        }
      }
      rmSync(own, { recursive: true });
    },
  );
});
