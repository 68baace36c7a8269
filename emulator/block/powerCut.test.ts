/** Power cuts at every step of writers to small images of every format. About a minute. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { smallCases } from '../../test/framework/storage/imageCases.ts';
import { MemoryStore } from '../../test/framework/storage/memoryStore.ts';
import { Recording, Replay } from '../../test/framework/storage/powerCut.ts';
import { qemuCheck } from '../../test/framework/storage/qemuImg.ts';
import { Random, seedOf } from '../../test/framework/storage/random.ts';
import { ModelledDisk } from '../../test/framework/storage/randomOperations.ts';
import { openImage } from './openImage.ts';

const cutsPerFormat = 1000;
const seed = seedOf('power cuts');
const folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-cut-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.for(smallCases)('an image of the kind $name', (kind) => {
  const kinds = smallCases.filter(({ format }) => format === kind.format).length;

  test(
    'keeps what was flushed, and is in order, wherever the power is cut',
    { timeout: 300_000 },
    async () => {
      const cuts = Math.ceil(cutsPerFormat / kinds);
      const store = new MemoryStore();
      const random = new Random(seed);
      const content = await kind.make(store);
      const before = Uint8Array.from(store.bytes('/image'));
      const recording = new Recording();
      store.wrap = (file) => (file.path === '/image' ? recording.file(file, random) : file);
      const choice = { path: '/image', format: kind.format, readOnly: false };
      const image = recording.disk(await openImage(store, choice));
      const disk = new ModelledDisk(image, Uint8Array.from(content), seed);
      const flushes = async (): Promise<void> => {
        for (let i = 0; i < 8; i++) {
          await disk.run(10, { queues: 3, largest: 48 << 10 });
          await image.flush();
        }
      };
      await flushes();
      await image.close();
      store.wrap = (file) => file;

      const replay = new Replay(recording, before, content);
      const steps = recording.events.length;
      for (let cut = 0, done = 0; done < cuts; cut++) {
        const until = Math.floor((cut * steps * 2) / cuts) % steps;
        // A second round goes through other chances.
        if (until < replay.position) break;
        while (replay.position < until) await replay.step();
        for (const how of ['all', 'parts'] as const) {
          done++;
          const left = await replay.cut(random, how);
          await examine(
            left,
            `cut ${replay.position} of ${steps}, ${how}`,
            replay,
            done % 50 === 0,
          );
        }
      }

      function judge(image: Uint8Array): void {
        if (!kind.judged || kind.format === 'raw') return;
        for (const [name, file] of store.files) writeFileSync(path.join(folder, name), file.bytes);
        writeFileSync(path.join(folder, 'image'), image);
        qemuCheck(path.join(folder, 'image'), kind.format, { leaks: false });
      }

      async function examine(
        left: Uint8Array,
        where: string,
        at: Replay,
        askQemu: boolean,
      ): Promise<void> {
        try {
          // For QEMU, a VDI's count of blocks must be right even before it is opened again.
          if (askQemu && kind.format !== 'vdi') judge(left);
          store.put('/image', left);
          const after = await openImage(store, choice);
          const { errors } = await after.check();
          expect(errors).toEqual([]);
          const whole = new Uint8Array(after.size);
          await after.read(0, [whole]);
          at.check(whole);
          // And it can be written again.
          const again = new ModelledDisk(after, whole, seed);
          await again.run(5, { queues: 2, largest: 16 << 10 });
          await again.compare();
          await after.close();
          const reopened = await openImage(store, choice);
          expect((await reopened.check()).errors).toEqual([]);
          again.image = reopened;
          await again.compare();
          await reopened.close();
          if (askQemu) judge(store.bytes('/image'));
        } catch (error) {
          throw new Error(`after ${where}: ${String(error)}`, { cause: error });
        }
      }
    },
  );
});
