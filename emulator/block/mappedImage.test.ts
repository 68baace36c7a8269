/** Reads and writes at once, and how they go with requests that wait. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { MemoryStore } from '../../test/framework/storage/memoryStore.ts';
import { qemuCheck, qemuImg } from '../../test/framework/storage/qemuImg.ts';
import type { BlockImage } from './blockImage.ts';
import { createImage } from './createImage.ts';
import { openImage } from './openImage.ts';

const cluster = 65_536;
const of = (byte: number, length = 512): Uint8Array => new Uint8Array(length).fill(byte);

async function newImage(): Promise<{
  store: MemoryStore;
  open: (readOnly?: boolean) => Promise<BlockImage>;
}> {
  const store = new MemoryStore();
  await createImage(store, { path: '/image', format: 'qcow2', size: 1 << 20 });
  const open = (readOnly = false) =>
    openImage(store, { path: '/image', format: 'qcow2', readOnly });
  return { store, open };
}

function readsNow(image: BlockImage, offset: number): number | undefined {
  const bytes = new Uint8Array(512);
  return image.readNow?.(offset, [bytes]) ? bytes[0] : undefined;
}

test('what lies in the file is read and overwritten at once; what does not is not', async () => {
  const { open } = await newImage();
  const image = await open();
  expect(readsNow(image, 0)).toBeUndefined();
  expect(image.writeNow?.(0, [of(1)])).toBe(false);
  await image.write(0, [of(1, 2 * cluster)]);
  expect(readsNow(image, 512)).toBe(1);
  // Over the border of two clusters, from several buffers.
  expect(image.writeNow?.(cluster - 512, [of(2), of(3)])).toBe(true);
  expect([0, cluster - 512, cluster, cluster + 512].map((at) => readsNow(image, at))).toEqual([1, 2, 3, 1]); // prettier-ignore
  // One of the two clusters is not there.
  expect(image.writeNow?.(2 * cluster - 512, [of(4, 1024)])).toBe(false);
  expect(image.writeNow?.((1 << 20) - 512, [of(4, 1024)])).toBe(false);
  await image.close();

  const again = await open(true);
  // Its table is not at hand yet.
  expect(readsNow(again, cluster)).toBeUndefined();
  await again.read(0, [new Uint8Array(512)]);
  expect(readsNow(again, cluster)).toBe(3);
  expect(again.writeNow?.(0, [of(5)])).toBe(false);
  await again.close();
});

test('a cluster that another request has alone is left to the requests that wait', async () => {
  const { open } = await newImage();
  const image = await open();
  const placing = image.write(0, [of(1)]);
  expect(image.writeNow?.(4096, [of(2)])).toBe(false);
  const after = image.write(4096, [of(2)]);
  await Promise.all([placing, after]);
  expect([readsNow(image, 0), readsNow(image, 4096)]).toEqual([1, 2]);

  // A flush on its way, and others that overwrite in place, are no hindrance.
  const flushing = image.flush();
  const beside = image.write(512, [of(3)]);
  expect(image.writeNow?.(1024, [of(4)])).toBe(true);
  expect(readsNow(image, 1024)).toBe(4);
  await Promise.all([flushing, beside]);

  const discarding = image.discard(0, cluster);
  expect(readsNow(image, 1024)).toBeUndefined();
  expect(image.writeNow?.(1024, [of(5)])).toBe(false);
  await discarding;
  const growing = image.resize(2 << 20);
  expect(image.writeNow?.(0, [of(6)])).toBe(false);
  await growing;
  await image.write(0, [of(6)]);
  const closing = image.close();
  expect(image.writeNow?.(0, [of(7)])).toBe(false);
  await closing;
  const again = await open();
  const bytes = new Uint8Array(512);
  await again.read(0, [bytes]);
  expect(bytes).toEqual(of(6));
  await again.close();
});

test('what a snapshot holds is not overwritten', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-mapped-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { store, open } = await newImage();
  const first = await open();
  await first.write(0, [of(1, cluster)]);
  await first.close();
  const file = path.join(folder, 'image');
  writeFileSync(file, store.bytes('/image'));
  qemuImg('snapshot', '-c', 'one', file);
  store.put('/image', new Uint8Array(readFileSync(file)));

  const image = await open();
  await image.read(0, [new Uint8Array(512)]);
  expect(readsNow(image, 0)).toBe(1);
  expect(image.writeNow?.(0, [of(2)])).toBe(false);
  await image.write(0, [of(2)]);
  expect(image.writeNow?.(512, [of(3)])).toBe(true);
  await image.close();
  writeFileSync(file, store.bytes('/image'));
  qemuCheck(file, 'qcow2');
  qemuImg('convert', '-l', 'one', '-O', 'raw', file, `${file}.raw`);
  expect(new Uint8Array(readFileSync(`${file}.raw`).subarray(0, cluster))).toEqual(of(1, cluster));
});
