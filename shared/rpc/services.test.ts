import { describe, expect, it } from 'vitest';
import { UserError } from '../services/errors.ts';
import type { Channel } from './channel.ts';
import { EventHub } from './eventHub.ts';
import { decodeMessage, encodeMessage } from './messageCodec.ts';
import { messagePortChannel } from './messagePortChannel.ts';
import type { Services } from './serviceContract.ts';
import { connectServices, serveServices } from './services.ts';

/** A manager small enough to see through: one VM whose serial port echoes. */
function echoServices(): Services & { readonly hub: EventHub; readonly detached: string[] } {
  const hub = new EventHub();
  const detached: string[] = [];
  let history: number[] = [];
  const unsupported = (): Promise<never> => Promise.reject(new Error('not here'));
  return {
    hub,
    detached,
    events: hub,
    library: {
      list: () => Promise.resolve([{ id: 'a', name: 'A', state: 'running' as const }]),
      get: () =>
        Promise.reject(new UserError({ code: 'missing', message: 'No such VM.', hint: 'Look.' })),
      create: (vm) => Promise.resolve({ id: 'new', name: vm.name, state: 'poweredOff' as const }),
      modify: unsupported,
      clone: unsupported,
      deletionFiles: unsupported,
      delete: () => Promise.resolve(),
      readLog: unsupported,
      arrangement: () => Promise.resolve([{ vm: 'a' }]),
      arrange: unsupported,
    },
    session: {
      start: () => Promise.resolve(),
      pause: unsupported,
      resume: unsupported,
      reset: unsupported,
      switchEngine: unsupported,
      stop: unsupported,
      attachSerial: () => Promise.resolve(Uint8Array.from(history)),
      detachSerial: (id, port) => Promise.resolve(void detached.push(`${id}:${port}`)),
      sendSerial: (id, port, bytes) => {
        history = [...history, ...bytes];
        hub.emit('serialOutput', id, port, bytes);
        return Promise.resolve();
      },
      nextFrame: unsupported,
      thumbnail: unsupported,
      sendInput: unsupported,
      setScreenSize: unsupported,
      changeMedium: unsupported,
      attachDisk: unsupported,
      detachDisk: unsupported,
      counters: () => Promise.resolve({ instructions: 5 }),
      networkStatus: () => Promise.resolve([]),
      changeAdapter: () => Promise.resolve(),
    },
    media: {
      ...{ list: unsupported, create: unsupported, convert: unsupported },
      ...{ resize: unsupported, relocate: unsupported, remove: unsupported },
    },
    gallery: { list: unsupported, create: unsupported },
    preferences: { get: unsupported, change: unsupported },
    transfer: { preview: unsupported, import: unsupported, export: unsupported },
    tasks: { list: () => Promise.resolve([]), cancel: unsupported, dismiss: unsupported },
    snapshots: {
      list: () => Promise.resolve({ snapshots: [] }),
      take: unsupported,
      restore: unsupported,
      delete: unsupported,
      change: unsupported,
      saveState: unsupported,
      discardState: unsupported,
    },
    host: {
      info: unsupported,
      listFolder: unsupported,
      inspectFile: unsupported,
      probeKvm: unsupported,
    },
  };
}

function pair(): { near: Channel; far: Channel } {
  const { port1, port2 } = new MessageChannel();
  return { near: messagePortChannel(port1), far: messagePortChannel(port2) };
}

describe('services over a channel', () => {
  it('answer calls and keep the fields of a UserError', async () => {
    const { near, far } = pair();
    serveServices(far, echoServices());
    const client = connectServices(near);
    expect((await client.library.list())[0]?.name).toBe('A');
    const failure = await client.library.get('x').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect(failure).toMatchObject({ code: 'missing', message: 'No such VM.', hint: 'Look.' });
    client.close();
  });

  it('refuse arguments that are not of their shape, naming the field', async () => {
    const { near, far } = pair();
    serveServices(far, echoServices());
    const client = connectServices(near);
    await expect(
      client.library.create({ name: 'x', memoryMiB: 3, boot: { kernel: '/k' } }),
    ).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('memoryMiB') });
    await expect(
      client.session.sendSerial('a', 0, 'text' as unknown as Uint8Array),
    ).rejects.toMatchObject({ code: 'invalid' });
    client.close();
  });

  it('change of a VM what is given, and give no default in the place of the rest', async () => {
    const { near, far } = pair();
    const services = echoServices();
    const received: object[] = [];
    services.library.modify = (_id, change) => {
      received.push(change);
      return Promise.reject(new Error('seen'));
    };
    serveServices(far, services);
    const client = connectServices(near);
    const changes = [{ name: 'x' }, { memoryMiB: 64 }, { boot: { kernel: '/k' } }, {}] as const;
    for (const change of changes) await client.library.modify('a', change).catch(() => undefined);
    expect(received.map(Object.keys)).toEqual(changes.map(Object.keys));
    client.close();
  });

  it('send serial output only to who attached, after the history and without gaps', async () => {
    const { near, far } = pair();
    const services = echoServices();
    serveServices(far, services);
    const client = connectServices(near);
    const seen: number[] = [];
    client.events.on('serialOutput', (_id, _port, bytes) => seen.push(...bytes));
    await client.session.sendSerial('a', 0, Uint8Array.of(1, 2));
    expect(seen).toEqual([]);
    const attaching = client.session.attachSerial('a', 0).then((bytes) => seen.push(...bytes));
    void client.session.sendSerial('a', 0, Uint8Array.of(3));
    await attaching;
    await client.session.sendSerial('a', 0, Uint8Array.of(4));
    expect(seen).toEqual([1, 2, 3, 4]);
    client.close();
  });

  it('detach what a lost connection had attached, and reject its pending calls', async () => {
    const { near, far } = pair();
    const services = echoServices();
    services.library.delete = () => new Promise(() => undefined);
    serveServices(far, services);
    const client = connectServices(near);
    await client.session.attachSerial('a', 1);
    const pending = client.library.delete('a');
    client.close();
    await expect(pending).rejects.toMatchObject({ code: 'disconnected' });
    await expect.poll(() => services.detached).toEqual(['a:1']);
    await expect(client.library.list()).rejects.toMatchObject({ code: 'disconnected' });
  });

  it('are given no null for what is left out at the end', async () => {
    const { near, far } = pair();
    serveServices(far, echoServices());
    const encoded: Channel = Object.assign(Object.create(near) as Channel, {
      post: (message: unknown) => near.post(decodeMessage(encodeMessage(message))),
    });
    const client = connectServices(encoded);
    const vm = { name: 'x', memoryMiB: 64, boot: { kernel: '/k' } };
    expect(await client.library.create(vm, undefined)).toMatchObject({ name: 'x' });
    client.close();
  });

  it('survive hostile messages', async () => {
    const { near, far } = pair();
    serveServices(far, echoServices());
    for (const message of [null, 5, {}, { t: 'q', m: 'toString', a: [], i: '1' }, { t: 'q' }]) {
      near.post(message);
    }
    const client = connectServices(near);
    expect(await client.session.counters('a')).toEqual({ instructions: 5 });
    client.close();
  });

  it('keep bytes as bytes when encoded', () => {
    const message = { t: 'q', a: ['vm', 0, Uint8Array.of(0, 255)], x: undefined };
    expect(decodeMessage(encodeMessage(message))).toEqual({
      t: 'q',
      a: ['vm', 0, Uint8Array.of(0, 255)],
    });
  });
});
