/** VM processes for real: every test starts, talks to and ends processes with a tiny guest. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VmSummary } from '../../shared/services/library.ts';
import type { VmState } from '../../shared/vm/lifecycle.ts';
import { echoKernel, echoKernelKeys } from '../../test/framework/echoKernel.ts';
import { openHome, type Home } from './home.ts';
import { createHostService } from './hostService.ts';
import { Manager } from './manager.ts';
import { nodeVmStarter } from './nodeVmStarter.ts';
import type { VmProcess, VmProcessStarter } from './vmProcessStarter.ts';

let folder: string;
let kernel: string;
let home: Home;
let manager: Manager;
let processes: VmProcess[];
const opened: Manager[] = [];

function openManager(): Manager {
  const real = nodeVmStarter();
  const starter: VmProcessStarter = {
    start: (label) => {
      const started = real.start(label);
      processes.push(started);
      return started;
    },
  };
  const one = new Manager(home, createHostService('server', home.folder), starter);
  opened.push(one);
  return one;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'guesthouse-manager-'));
  kernel = join(folder, 'echo.bin');
  await writeFile(kernel, echoKernel());
  home = await openHome({ GUESTHOUSE_HOME: join(folder, 'home') });
  processes = [];
  manager = openManager();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
  await rm(folder, { recursive: true, force: true });
});

async function create(name: string, extra: object = {}): Promise<string> {
  const vm = { name, memoryMiB: 16, boot: { kernel }, ...extra };
  return (await manager.library.create(vm)).id;
}

async function summaryOf(id: string, from = manager): Promise<VmSummary> {
  const found = (await from.library.list()).find((vm) => vm.id === id);
  if (!found) throw new Error('not listed');
  return found;
}

async function waitForState(id: string, state: VmState): Promise<VmSummary> {
  await expect.poll(async () => (await summaryOf(id)).state).toBe(state);
  return summaryOf(id);
}

async function consoleText(id: string): Promise<string> {
  return new TextDecoder().decode(await manager.session.attachSerial(id, 0));
}

async function waitForText(id: string, text: string): Promise<void> {
  await expect.poll(() => consoleText(id)).toContain(text);
}

const send = (id: string, text: string): Promise<void> =>
  manager.session.sendSerial(id, 0, new TextEncoder().encode(text));
const sendKey = (id: string, key: number): Promise<void> =>
  manager.session.sendSerial(id, 0, Uint8Array.of(key));

describe('VMs under a manager', () => {
  it('start, talk over the serial port and power themselves off', async () => {
    const id = await create('echo');
    const states: string[] = [];
    manager.events.on('listChanged', (vms) => {
      const state = vms.find((vm) => vm.id === id)?.state ?? 'none';
      if (states.at(-1) !== state) states.push(state);
    });
    await manager.session.start(id);
    expect((await summaryOf(id)).state).toBe('running');
    await waitForText(id, 'ready');
    await send(id, 'hello');
    await waitForText(id, 'hello');
    expect(Object.keys(await manager.session.counters(id)).length).toBeGreaterThan(0);
    await sendKey(id, echoKernelKeys.powerOff);
    expect((await waitForState(id, 'poweredOff')).reason).toBeUndefined();
    expect(await consoleText(id)).toContain('hello');
    await expect.poll(() => states.at(-1)).toBe('poweredOff');
    expect(states).toContain('running');
  });

  it('stand still while paused and go on after it', async () => {
    const id = await create('echo');
    await manager.session.start(id);
    await waitForText(id, 'ready');
    await manager.session.pause(id);
    expect((await summaryOf(id)).state).toBe('paused');
    await send(id, 'later');
    await delay(200);
    expect(await consoleText(id)).not.toContain('later');
    await expect(manager.session.stop(id, 'acpi')).rejects.toMatchObject({ code: 'paused' });
    await manager.session.resume(id);
    await waitForText(id, 'later');
    await manager.session.reset(id);
    await expect.poll(async () => (await consoleText(id)).split('ready').length).toBe(3);
    await manager.session.stop(id, 'powerOff');
    expect((await summaryOf(id)).state).toBe('poweredOff');
  });

  it('are aborted with the reason when their process is killed, and others go on', async () => {
    const [one, two] = [await create('one'), await create('two')];
    await manager.session.start(one);
    await manager.session.start(two);
    await waitForText(one, 'ready');
    await waitForText(two, 'ready');
    process.kill(processes[0]?.pid ?? 0, 'SIGKILL');
    const aborted = await waitForState(one, 'aborted');
    expect(aborted.reason).toContain('SIGKILL');
    expect(aborted.hint).toBeDefined();
    await send(two, 'still here');
    await waitForText(two, 'still here');
    // The reason outlives the manager.
    await manager.close();
    manager = openManager();
    expect((await summaryOf(one)).reason).toContain('SIGKILL');
    expect((await summaryOf(two)).state).toBe('poweredOff');
    await manager.session.start(one);
    expect((await summaryOf(one)).reason).toBeUndefined();
  });

  it('are aborted with the reason when the guest crashes', async () => {
    const id = await create('echo');
    await manager.session.start(id);
    await waitForText(id, 'ready');
    await sendKey(id, echoKernelKeys.tripleFault);
    expect((await waitForState(id, 'aborted')).reason).toContain('triple fault');
  });

  it('say what is wrong with their files', async () => {
    const text = join(folder, 'text');
    await writeFile(text, 'This is no kernel.\n');
    const missing = await create('missing', { boot: { kernel: '/no/such/file' } });
    await expect(manager.session.start(missing)).rejects.toMatchObject({
      message: 'The kernel file /no/such/file does not exist.',
    });
    expect(await summaryOf(missing)).toMatchObject({
      state: 'poweredOff',
      reason: 'The kernel file /no/such/file does not exist.',
    });
    const wrong = await create('wrong', { boot: { kernel: text } });
    await expect(manager.session.start(wrong)).rejects.toMatchObject({
      message: `The kernel file ${text} is plain text, not a kernel.`,
    });
    const noDisk = await create('no disk', { disks: [{ path: '/no/such/disk.img' }] });
    await expect(manager.session.start(noDisk)).rejects.toMatchObject({
      message: expect.stringContaining('/no/such/disk.img') as string,
    });
  });

  it('refuse a disk that another one is writing, naming it', async () => {
    const disk = join(folder, 'disk.img');
    await writeFile(disk, new Uint8Array(1 << 20));
    const first = await create('first', { disks: [{ path: disk }] });
    const second = await create('second', { disks: [{ path: disk }] });
    await manager.session.start(first);
    await expect(manager.session.start(second)).rejects.toMatchObject({
      code: 'disk-locked',
      message: expect.stringMatching(/disk\.img.*first/) as string,
    });
    await manager.session.stop(first, 'powerOff');
    await manager.session.start(second);
  });

  it('share a disk that all of them have as shareable, and no other', async () => {
    const disk = join(folder, 'shared.img');
    await writeFile(disk, new Uint8Array(1 << 20));
    const shared = { disks: [{ path: disk, shareable: true }] };
    const [one, other] = [await create('one', shared), await create('other', shared)];
    const alone = await create('alone', { disks: [{ path: disk }] });
    await manager.session.start(one);
    await manager.session.start(other);
    await expect(manager.session.start(alone)).rejects.toMatchObject({ code: 'disk-locked' });
    // A snapshot of one does not take the disk from it.
    await manager.snapshots.take(one, { name: 'now' });
    expect((await manager.library.get(one)).disks).toMatchObject([{ path: disk }]);
    await manager.session.stop(one, 'powerOff');
    await manager.session.stop(other, 'powerOff');
    await manager.session.start(alone);
  });

  it('cannot be changed or deleted while running, except for their name', async () => {
    const id = await create('echo');
    await manager.session.start(id);
    await expect(manager.library.modify(id, { memoryMiB: 32 })).rejects.toMatchObject({
      code: 'running',
    });
    await expect(manager.library.delete(id)).rejects.toMatchObject({ code: 'running' });
    await expect(manager.session.start(id)).rejects.toMatchObject({ code: 'wrong-state' });
    expect((await manager.library.modify(id, { name: 'renamed' })).name).toBe('renamed');
  });

  it('end with the manager', async () => {
    const id = await create('echo');
    await manager.session.start(id);
    await manager.close();
    expect(await processes[0]?.exited).toEqual({ code: 0, signal: null });
  });
});

it('VM processes end by themselves, and free their disks, when their manager is killed', async () => {
  const disk = join(folder, 'disk.img');
  await writeFile(disk, new Uint8Array(1 << 20));
  const id = await create('orphan', { disks: [{ path: disk }] });
  const url = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
  const script = `
    const { openHome } = await import(${url('home.ts')});
    const { createHostService } = await import(${url('hostService.ts')});
    const { Manager } = await import(${url('manager.ts')});
    const { nodeVmStarter } = await import(${url('nodeVmStarter.ts')});
    const home = await openHome();
    const real = nodeVmStarter();
    const start = (label) => {
      const started = real.start(label);
      console.log(started.pid);
      return started;
    };
    const manager = new Manager(home, createHostService('server', home.folder), { start });
    await manager.session.start(${JSON.stringify(id)});
    console.log('running');`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, GUESTHOUSE_HOME: home.folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  other.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await expect.poll(() => output).toContain('running');
  const vmPid = Number(output.split('\n')[0]);
  other.kill('SIGKILL');
  const alive = (): boolean => {
    try {
      return process.kill(vmPid, 0);
    } catch {
      return false;
    }
  };
  await expect.poll(alive).toBe(false);
  expect((await summaryOf(id)).reason).toContain('ended unexpectedly');
  await manager.session.start(id);
});
