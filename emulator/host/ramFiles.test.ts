import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createGuestMemory } from '../vcpu/guestMemory.ts';
import { pagesFile, PageSet, ramFile, readRam } from './ramFiles.ts';
import { RamWriter } from './ramWriter.ts';

const page = 4096;
const size = 4.5 * 2 ** 30;
const [low, high, last] = [3, 2 ** 20 + 5, size / page - 1] as const;

const newRam = (): Uint8Array => {
  const { memory, all } = createGuestMemory(1, [{ start: 0, size }]);
  return new Uint8Array(memory.buffer, all.offset, size);
};

it('saves pages of RAM beyond 4 GiB where they are, and brings them back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ram-files-'));
  try {
    const ram = newRam();
    const fill = (number: number, value: number): void => {
      ram.fill(value, number * page, (number + 1) * page);
    };
    const write = async (delta: number, pages: Uint32Array): Promise<void> => {
      const writer = new RamWriter(ramFile(folder, delta), ram);
      await writer.run({ kind: 'copyPages', pages });
      await writer.run({ kind: 'finish' });
    };
    fill(low, 1);
    fill(high, 2);
    await write(0, Uint32Array.of(low, high, last));
    expect((await stat(ramFile(folder, 0))).size).toBe(size);
    fill(high, 3);
    fill(last, 4);
    const changed = Uint32Array.of(high, last);
    await write(1, changed);
    const set = new PageSet(ram);
    set.add(changed);
    const names = await open(pagesFile(folder, 1), 'wx');
    await names.writeFile(set.bits);
    await names.close();

    const again = newRam();
    expect(await readRam(folder, again)).toEqual({ folder, deltas: 1 });
    const ends = (number: number) => [again[number * page], again[(number + 1) * page - 1]];
    expect([low, high, last].map(ends)).toEqual([
      [1, 1],
      [3, 3],
      [4, 4],
    ]);
    expect([low + 1, high - 1, high + 1].flatMap(ends)).toEqual([0, 0, 0, 0, 0, 0]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
