/** `guesthouse network` and `capture` with a machine that runs in the background. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AdapterStatus } from '../../shared/net/networkStatus.ts';
import { echoKernel } from '../../test/framework/echoKernel.ts';
import { runCli } from './testing/runCli.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'guesthouse-cli-network-'));
});
afterAll(async () => {
  await guesthouse('stop', 'echo', '--force').catch(() => undefined);
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

const guesthouse = (...args: string[]) => runCli(home, ...args);

/** What `network` says in JSON after a change. */
async function network(...flags: string[]): Promise<AdapterStatus> {
  const { code, stdout, stderr } = await guesthouse('network', 'echo', ...flags, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return (JSON.parse(stdout) as AdapterStatus[])[0]!;
}

test('cable, ports, rules, line and capture of a running machine are changed and shown', async () => {
  const kernel = join(home, 'echo.bin');
  await writeFile(kernel, echoKernel());
  await guesthouse('create', 'echo', '--kernel', kernel, '--memory', '16');
  expect((await guesthouse('start', 'echo')).stderr).toBe('');
  const first = await network();
  expect(first).toMatchObject({ model: 'virtio', connected: true, forwards: [], rules: [] });
  expect(first.mac).toMatch(/^52:54:/);
  expect(await network('--cable', 'off')).toMatchObject({ connected: false });

  const busy = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => busy.once('listening', resolve));
  const { port } = busy.address() as AddressInfo;
  const taken = await guesthouse('network', 'echo', '--forward', `tcp:127.0.0.1:${port}-:22`);
  expect(taken.code).toBe(1);
  expect(taken.stderr).toMatch(
    /Another program uses TCP port .* already\. Choose another host port/,
  );
  busy.close();
  await new Promise((resolve) => busy.once('close', resolve));
  const forward = { protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: port, guestPort: 22 };
  expect(await network('--forward', `tcp:127.0.0.1:${port}-:22`)).toMatchObject({
    forwards: [forward],
  });
  expect(
    await network('--allow', '10.1.0.0/16', '--deny', '*.example.org', '--latency', '40', '--loss', '2.5'), // prettier-ignore
  ).toMatchObject({
    forwards: [forward],
    rules: [
      { action: 'allow', to: '10.1.0.0/16' },
      { action: 'deny', to: '*.example.org' },
    ],
    conditions: { latency: 40, loss: 2.5 },
  });
  const shown = (await guesthouse('network', 'echo')).stdout;
  for (const line of [
    /^1: virtio, 52:54:\S+, user \(NAT\), cable pulled$/m,
    new RegExp(`^ +tcp 127.0.0.1:${port} leads to the guest:22$`, 'm'),
    /^ +deny \*\.example\.org$/m,
    /^ +latency 40$/m,
  ])
    expect(shown).toMatch(line);
  expect(await network('--close-forwards', '--perfect', '--cable', 'on')).toMatchObject({
    ...{ forwards: [], conditions: {}, connected: true },
  });

  const wrong = await guesthouse('network', 'echo', '--deny', 'no name');
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('A firewall rule')]);
  const none = await guesthouse('network', 'echo', '--adapter', '2', '--cable', 'off');
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('no network adapter 2')]);
  const file = join(home, 'echo.pcapng');
  expect((await guesthouse('capture', 'echo', file)).stdout).toContain('Capturing to');
  // Nothing is written over.
  const again = await guesthouse('capture', 'echo', file);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('exists already')]);
  expect((await network()).capture).toBe(file);
  expect((await guesthouse('capture', 'echo', '--stop')).stdout).toContain('has ended');
  // A section header block begins the file.
  expect([...(await readFile(file)).subarray(0, 4)]).toEqual([0x0a, 0x0d, 0x0d, 0x0a]);
  const both = await guesthouse('capture', 'echo', file, '--stop');
  expect(both.code).toBe(64);
});
