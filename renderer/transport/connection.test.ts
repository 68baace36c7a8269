import { afterEach, expect, test } from 'vitest';
import type { Channel } from '../../shared/rpc/channel.ts';
import { EventHub } from '../../shared/rpc/eventHub.ts';
import { messagePortChannel } from '../../shared/rpc/messagePortChannel.ts';
import type { Services } from '../../shared/rpc/serviceContract.ts';
import { serveServices } from '../../shared/rpc/services.ts';
import { createConnection, RefusedError } from './connection.ts';

const ends: Channel[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end.close();
});

function manager() {
  const hub = new EventHub();
  const list = () => Promise.resolve([{ id: 'a', name: 'A', state: 'running' as const }]);
  const services = { library: { list }, events: hub } as unknown as Services;
  const open = (): Promise<Channel> => {
    const { port1, port2 } = new MessageChannel();
    const far = messagePortChannel(port2);
    serveServices(far, services);
    ends.push(far);
    return Promise.resolve(messagePortChannel(port1));
  };
  return { hub, open };
}

test('calls and events go on after the transport was lost', async () => {
  const { hub, open } = manager();
  const connection = createConnection(open);
  const heard: number[] = [];
  connection.events.on('listChanged', (vms) => heard.push(vms.length));
  await expect.poll(() => connection.state).toEqual({ kind: 'open', epoch: 1 });
  expect(await connection.library.list()).toHaveLength(1);

  ends[0]!.close();
  await expect.poll(() => connection.state.kind).toBe('lost');
  await expect(connection.library.list()).rejects.toMatchObject({ code: 'disconnected' });

  connection.retryNow();
  await expect.poll(() => connection.state).toEqual({ kind: 'open', epoch: 2 });
  expect(await connection.library.list()).toHaveLength(1);
  hub.emit('listChanged', []);
  await expect.poll(() => heard).toEqual([0]);
});

test('a refused connection says why and is not tried again', async () => {
  let attempts = 0;
  const connection = createConnection(() => {
    attempts++;
    return Promise.reject(new RefusedError('The token is wrong.', 'Open the printed address.'));
  });
  await expect
    .poll(() => connection.state)
    .toEqual({
      kind: 'refused',
      message: 'The token is wrong.',
      hint: 'Open the printed address.',
    });
  connection.retryNow();
  expect(attempts).toBe(1);
});

test('a manager that is not there yet is waited for', async () => {
  const { open } = manager();
  let attempts = 0;
  const connection = createConnection(() =>
    attempts++ === 0 ? Promise.reject(new Error('not yet')) : open(),
  );
  const kinds: string[] = [];
  connection.onState(({ kind }) => kinds.push(kind));
  await expect.poll(() => kinds.at(-1)).toBe('open');
  expect(kinds).toContain('lost');
});
