import { expect, test } from 'vitest';
import { BufferPool } from './bufferPool.ts';

test('what is lent at a time is apart, of the length that was asked for, and used again', async () => {
  const pool = new BufferPool();
  const first = Promise.withResolvers<undefined>();
  const lent: Uint8Array[] = [];
  const one = pool.lend(1000, async (buffer) => {
    lent.push(buffer);
    await first.promise;
    return 'done';
  });
  await pool.lend(4096, async (buffer) => void lent.push(buffer));
  expect(lent.map(({ length }) => length)).toEqual([1000, 4096]);
  expect(lent[0]!.buffer).not.toBe(lent[1]!.buffer);
  first.resolve(undefined);
  expect(await one).toBe('done');
  const again = await pool.lend(512, async ({ buffer }) => buffer);
  expect([lent[0]!.buffer, lent[1]!.buffer]).toContain(again);
  await expect(
    pool.lend(512, async () => Promise.reject(new Error('the disk failed'))),
  ).rejects.toThrow('the disk failed');
});
