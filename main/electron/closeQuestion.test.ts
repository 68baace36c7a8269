import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { echoKernel } from '../../test/framework/echoKernel.ts';
import { openHome } from '../manager/home.ts';
import { createHostService } from '../manager/hostService.ts';
import { Manager } from '../manager/manager.ts';
import { nodeVmStarter } from '../manager/nodeVmStarter.ts';
import { closeChoices, closeQuestion, endMachines } from './closeQuestion.ts';
import { shellTexts } from './shellTexts.ts';

const texts = shellTexts('en', '');

const vm = (name: string, state: 'running' | 'paused' | 'poweredOff' | 'aborted') => ({
  id: name,
  name,
  state,
});

test('the app closes without a question when nothing runs', () => {
  expect(closeQuestion([vm('a', 'poweredOff'), vm('b', 'aborted')], texts)).toBeUndefined();
});

test('the question names what would be lost, and its last answer changes nothing', () => {
  expect(closeQuestion([vm('a', 'running')], texts)?.message).toBe('“a” is running');
  expect(closeQuestion([vm('a', 'running'), vm('b', 'paused')], texts)).toMatchObject({
    message: '2 machines are running',
    detail: expect.stringContaining('“a”, “b”'),
  });
  expect(closeChoices(true)).toEqual([
    ...['saveStates', 'shutDown', 'powerOff', 'background', 'cancel'],
  ]);
  expect(closeChoices(false)).not.toContain('background');
});

test('states are saved before the app ends; a guest that does not shut down keeps it open', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'guesthouse-close-'));
  const home = await openHome({ GUESTHOUSE_HOME: folder });
  const manager = new Manager(home, createHostService('electron', folder), nodeVmStarter());
  try {
    const kernel = path.join(folder, 'echo.bin');
    await writeFile(kernel, echoKernel());
    const { id } = await manager.library.create({ name: 'echo', memoryMiB: 16, boot: { kernel } });
    await manager.session.start(id);
    const state = async (): Promise<string | undefined> => (await manager.library.list())[0]?.state;
    expect(await endMachines(manager, 'cancel', texts)).toBe('');
    // It knows nothing of ACPI.
    expect(await endMachines(manager, 'shutDown', texts, 500)).toBe('Still running: “echo”.');
    expect(await state()).toBe('running');
    expect(await endMachines(manager, 'saveStates', texts)).toBeUndefined();
    expect(await state()).toBe('saved');
  } finally {
    await manager.close();
    await rm(folder, { recursive: true, force: true });
  }
});
