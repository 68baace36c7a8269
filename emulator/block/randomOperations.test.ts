/**
 * Every format under random writes, discards and resizes from several queues, against a copy in
 * memory, with qemu-img as the judge of what is in the file. About a minute.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { imageCases } from '../../test/framework/storage/imageCases.ts';
import { MemoryStore } from '../../test/framework/storage/memoryStore.ts';
import { qemuCheck, qemuCompare } from '../../test/framework/storage/qemuImg.ts';
import { seedOf } from '../../test/framework/storage/random.ts';
import { ModelledDisk } from '../../test/framework/storage/randomOperations.ts';
import { openImage } from './openImage.ts';

/** For each format, shared by its kinds. */
const operationsPerFormat = 20_000;
const rounds = 4;

const seed = seedOf('random operations');
const folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-random-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes the files of a store to the host and asks qemu-img. */
function judge(store: MemoryStore, format: string, model: Uint8Array): void {
  for (const [name, file] of store.files) writeFileSync(path.join(folder, name), file.bytes);
  const image = path.join(folder, 'image');
  writeFileSync(path.join(folder, 'model'), model);
  qemuCheck(image, format);
  qemuCompare(image, format, path.join(folder, 'model'));
}

describe.for(imageCases)('an image of the kind $name', (kind) => {
  const kinds = imageCases.filter(({ format }) => format === kind.format).length;
  test('holds what was written, and is in order for qemu-img', async () => {
    const store = new MemoryStore();
    const open = () => openImage(store, { path: '/image', format: kind.format, readOnly: false });
    const content = await kind.make(store);
    const disk = new ModelledDisk(await open(), content, seed);
    await disk.compare();
    for (let round = 0; round < rounds; round++) {
      await disk.run(Math.ceil(operationsPerFormat / kinds / rounds));
      if (kind.resizable && round > 0) {
        const change = (disk.random.below(8192) - 2048) * 512;
        await disk.resize(Math.max(1 << 20, disk.image.size + change));
        await disk.run(50);
      }
      await disk.compare();
      await disk.image.close();
      if (kind.judged) judge(store, kind.format, disk.model);
      disk.image = await open();
      const check = await disk.image.check();
      expect(check).toMatchObject({ errors: [], leakedBytes: 0 });
      await disk.compare();
    }
    await disk.image.close();
  });
});
