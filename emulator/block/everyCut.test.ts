/**
 * Every power cut of short writers: at each step of what they ask of the file, each set of the changes that no flush
 * covers yet may be there, each in part, those in flight together in any order. Where the sets are too many the orderly
 * ones are tried (none, all, all but one, one alone, each beginning and end of the list) and some by chance. A second
 * cut while the first is put in order is tried too. Some writers make the image grow beyond its tables. A thousand cuts and more for each format; about half a minute.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tinyCases } from '../../test/framework/storage/imageCases.ts';
import { MemoryStore } from '../../test/framework/storage/memoryStore.ts';
import { Recording, Replay, type KeptChange } from '../../test/framework/storage/powerCut.ts';
import { qemuCheck } from '../../test/framework/storage/qemuImg.ts';
import { Random, seedOf } from '../../test/framework/storage/random.ts';
import { ModelledDisk } from '../../test/framework/storage/randomOperations.ts';
import { openImage } from './openImage.ts';

const cutsPerFormat = 1000;
/** More sets than these are sampled. */
const mostSets = 64;
const sampled = 24;
const seed = seedOf('every cut');
const folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-every-cut-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Sets of `count` things, as flags: all of them, or the orderly ones and some by chance. */
function* setsOf(count: number, random: Random): Generator<readonly boolean[]> {
  const flags = (has: (i: number) => boolean) => Array.from({ length: count }, (_, i) => has(i));
  if (2 ** count <= mostSets) {
    for (let bits = 0; bits < 2 ** count; bits++) yield flags((i) => ((bits >> i) & 1) === 1);
    return;
  }
  for (let k = 0; k <= count; k++) {
    yield flags((i) => i < k);
    yield flags((i) => i >= k);
    yield flags((i) => i === k);
    yield flags((i) => i !== k);
  }
  for (let k = 0; k < sampled; k++) yield flags(() => random.next() < 0.5);
}

/** What cuts may leave of the pending changes; with `latest` that one must be in them, for the rest has been seen. */
function* cutsAt(
  replay: Replay,
  latest: number | undefined,
  random: Random,
): Generator<readonly KeptChange[]> {
  const others = replay.pending.filter((id) => id !== latest);
  for (const flags of setsOf(others.length, random)) {
    const kept: KeptChange[] = others.filter((_, i) => flags[i]).map((id) => ({ id }));
    if (latest === undefined) {
      yield kept;
      continue;
    }
    yield [...kept, { id: latest }];
    // Where others that were in flight with it touch the same bytes it may have come before them.
    const first = kept.findIndex(({ id }) => replay.mayChange(id, latest));
    if (first >= 0) yield [...kept.slice(0, first), { id: latest }, ...kept.slice(first)];
  }
  // Each part of it, after all others and without them.
  const sectors = latest === undefined ? 1 : replay.sectorsOf(latest);
  const step = Math.ceil(sectors / 4);
  for (let some = step; latest !== undefined && some < sectors; some += step) {
    yield [...others.map((id) => ({ id })), { id: latest, sectors: some }];
    yield [{ id: latest, sectors: some }];
  }
}

describe.for(tinyCases)('an image of the kind $name', (kind) => {
  const kinds = tinyCases.filter(({ format }) => format === kind.format).length;
  const choice = { path: '/image', format: kind.format, readOnly: false };

  test(
    'keeps what was flushed, and is in order, after every cut',
    { timeout: 300_000 },
    async () => {
      const wanted = Math.ceil(cutsPerFormat / kinds);
      const random = new Random(seed);
      const store = new MemoryStore();
      const content = await kind.make(store);
      const before = Uint8Array.from(store.bytes('/image'));
      let done = 0;
      for (let writer = 0; done < wanted; writer++) {
        store.put('/image', Uint8Array.from(before));
        const recording = await record(store, content, seed + writer);
        const replay = new Replay(recording, before, content, kind.grownTo);
        await examine(replay, 'before the first step', []);
        while (!replay.atEnd) {
          const { next } = replay;
          await replay.step();
          // Other steps allow what the one before allowed, or more.
          if (next !== 'file' && next !== 'disk flushed') continue;
          const latest = next === 'file' ? replay.pending.at(-1) : undefined;
          for (const kept of cutsAt(replay, latest, random))
            await examine(replay, `writer ${writer}, step ${replay.position}`, kept);
        }
      }

      /** A short writer: opens the image, writes from two queues, flushes now and then, closes it. */
      async function record(
        from: MemoryStore,
        model: Uint8Array,
        writerSeed: number,
      ): Promise<Recording> {
        const recording = new Recording();
        const chance = new Random(writerSeed);
        from.wrap = (file) => (file.path === '/image' ? recording.file(file, chance) : file);
        try {
          const image = recording.disk(await openImage(from, choice));
          const disk = new ModelledDisk(image, Uint8Array.from(model), writerSeed);
          for (let i = 0; i < 3; i++) {
            await disk.run(3, { queues: 2, largest: 8192 });
            await image.flush();
            if (i === 0 && kind.grownTo !== undefined) await disk.resize(kind.grownTo);
          }
          await image.close();
        } finally {
          from.wrap = (file) => file;
        }
        return recording;
      }

      async function examine(
        at: Replay,
        where: string,
        kept: readonly KeptChange[],
      ): Promise<void> {
        const number = done++;
        try {
          const left = await at.leaving(kept);
          if (number % 10 === 0 && kind.format !== 'vdi') judge(left);
          const whole = await reopened(left);
          at.check(whole);
          if (number % 10 === 5) await cutAgain(left, whole);
        } catch (error) {
          const changes = JSON.stringify(kept);
          throw new Error(`after ${where}, with ${changes} there: ${String(error)}`, {
            cause: error,
          });
        }
      }

      /** What the disk holds once the image has been opened for writing and checked. */
      async function reopened(image: Uint8Array): Promise<Uint8Array> {
        store.put('/image', Uint8Array.from(image));
        const disk = await openImage(store, choice);
        try {
          expect((await disk.check()).errors).toEqual([]);
          const whole = new Uint8Array(disk.size);
          await disk.read(0, [whole]);
          return whole;
        } finally {
          await disk.close();
        }
      }

      /** The power goes again while the image is opened, written to once, flushed and closed. */
      async function cutAgain(image: Uint8Array, whole: Uint8Array): Promise<void> {
        store.put('/image', Uint8Array.from(image));
        const recording = new Recording();
        const chance = new Random(seed + done);
        store.wrap = (file) => (file.path === '/image' ? recording.file(file, chance) : file);
        try {
          const disk = recording.disk(await openImage(store, choice));
          await disk.write(chance.below(whole.length / 512) * 512, [chance.bytes(512)]);
          await disk.flush();
          await disk.close();
        } finally {
          store.wrap = (file) => file;
        }
        const replay = new Replay(recording, image, whole);
        while (!replay.atEnd) {
          const { next } = replay;
          await replay.step();
          if (next !== 'file' && next !== 'disk flushed') continue;
          const { pending } = replay;
          for (const kept of [pending, pending.slice(-1), pending.slice(0, -1)]) {
            done++;
            const left = await replay.leaving(kept.map((id) => ({ id })));
            replay.check(await reopened(left));
          }
        }
      }

      function judge(image: Uint8Array): void {
        if (!kind.judged || kind.format === 'raw' || kind.format === 'vhd') return;
        for (const [name, file] of store.files) writeFileSync(path.join(folder, name), file.bytes);
        writeFileSync(path.join(folder, 'image'), image);
        const replay = kind.format === 'vhdx';
        qemuCheck(path.join(folder, 'image'), kind.format, { leaks: false, replay });
      }
    },
  );
});
