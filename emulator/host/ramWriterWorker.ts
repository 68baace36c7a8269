/** The thread that copies a machine's RAM into a file while the machine runs (ramWriter.ts). */
import { closeSync, fdatasyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { ramPageSize } from '../bus/ramWatch.ts';
import { isEmptyPage, wordsPerPage } from './ramPages.ts';
import type { RamWriterData, RamWriterTask } from './ramWriter.ts';

const { path, memory, offset, length: ramBytes } = workerData as RamWriterData;
const ram = new Uint8Array(memory, offset, ramBytes);
const pageCount = ram.length / ramPageSize;
/** Pages that are copied at a time. */
const batch = 256;
const copy = new Uint8Array(batch * ramPageSize);
const words = new Uint32Array(copy.buffer);
/** 1: the file has data there. */
const stored = new Uint8Array(pageCount);
const file = openSync(path, 'wx', 0o600);
ftruncateSync(file, ram.length);

/** Writes `count` pages of the copy that belong to `pages`, which rise; runs are written at once. */
function write(pageAt: (index: number) => number, bytes: Uint8Array, count: number): void {
  for (let index = 0; index < count;) {
    const page = pageAt(index);
    const empty = isEmpty(bytes, index) && stored[page] === 0;
    let end = index + 1;
    while (
      end < count &&
      pageAt(end) === page + end - index &&
      (isEmpty(bytes, end) && stored[pageAt(end)] === 0) === empty
    )
      end++;
    if (!empty) {
      stored.fill(1, page, page + end - index);
      writeAll(bytes.subarray(index * ramPageSize, end * ramPageSize), page * ramPageSize);
    }
    index = end;
  }
}

function isEmpty(bytes: Uint8Array, index: number): boolean {
  const all = bytes === copy ? words : new Uint32Array(bytes.buffer, bytes.byteOffset);
  return isEmptyPage(all, index * wordsPerPage);
}

function writeAll(bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(file, bytes, done, bytes.length - done, at + done);
}

function copyPages(count: number, pageAt: (index: number) => number): void {
  for (let first = 0; first < count; first += batch) {
    const length = Math.min(batch, count - first);
    for (let i = 0; i < length; i++) {
      const page = pageAt(first + i);
      copy.set(ram.subarray(page * ramPageSize, (page + 1) * ramPageSize), i * ramPageSize);
    }
    write((index) => pageAt(first + index), copy, length);
  }
}

function run(task: RamWriterTask): void {
  switch (task.kind) {
    case 'copyAll':
      return copyPages(pageCount, (index) => index);
    case 'copyPages':
      return copyPages(task.pages.length, (index) => task.pages[index] as number);
    case 'write':
      return write((index) => task.pages[index] as number, task.bytes, task.pages.length);
    case 'finish':
      fdatasyncSync(file);
      return closeSync(file);
  }
}

const port = parentPort;
if (port === null) throw new Error('ramWriterWorker.ts is started by ramWriter.ts');
port.on('message', (task: RamWriterTask) => {
  try {
    run(task);
    port.postMessage(undefined);
  } catch (error) {
    port.postMessage(error);
  }
  if (task.kind === 'finish') port.close();
});
