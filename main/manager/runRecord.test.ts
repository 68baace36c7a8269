import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunRecord } from './runRecord.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guesthouse-log-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the log of a VM', () => {
  it('is read piece by piece, in whole lines', async () => {
    const record = new RunRecord(folder);
    expect(await record.readLog(0)).toEqual({ text: '', end: 0, restarted: false });
    record.log('one');
    record.log('zwei: ä');
    await record.settled();
    const first = await record.readLog(0);
    expect(first.text).toMatch(/^\S+Z one\n\S+Z zwei: ä\n$/);
    await writeFile(join(folder, 'vm.log'), `${first.text}unfinished`);
    expect(await record.readLog(first.end)).toMatchObject({ text: '', end: first.end });
    await writeFile(join(folder, 'vm.log'), `${first.text}unfinished no more\n`);
    expect(await record.readLog(first.end)).toMatchObject({ text: 'unfinished no more\n' });
  });

  it('that is long is read from its end, and one that was begun anew from its start', async () => {
    const record = new RunRecord(folder);
    const line = 'x'.repeat(99);
    await writeFile(join(folder, 'vm.log'), `${line}\n`.repeat(10_000));
    const { text, end } = await record.readLog(0);
    expect(end).toBe(1_000_000);
    expect(text.length).toBeLessThan(1 << 19);
    expect(
      text
        .split('\n')
        .slice(0, -1)
        .every((one) => one === line),
    ).toBe(true);
    await writeFile(join(folder, 'vm.log'), 'new\n');
    expect(await record.readLog(end)).toEqual({ text: 'new\n', end: 4, restarted: true });
  });
});
