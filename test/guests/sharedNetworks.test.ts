/** Real guests on networks that they share, and on those of the host. About a minute. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { claimServerPort } from '../../emulator/host/serverPorts.ts';
import { busyboxInitramfs } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';
import { GuestConsole } from './guestConsole.ts';

const execute = promisify(execFile);
const name = `gh${process.pid}`;
let boot: readonly string[];
const web = createServer((_, response) => response.end('from the host\n'));
let port: number;

beforeAll(async () => {
  const kernel = await debianKernel('cloud-amd64');
  const modules = ['virtio_pci', 'virtio_net'];
  const initramfs = await busyboxInitramfs(kernel, { modules, unsigned: true });
  boot = ['--kernel', kernel.image, '--initrd', initramfs, '--append', 'console=ttyS0 quiet'];
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  port = (web.address() as AddressInfo).port;
});
afterAll(() => void web.close());

async function started(
  nets: readonly string[],
  through?: readonly string[],
): Promise<GuestConsole> {
  const guest = new GuestConsole(
    [...boot, '--memory', '128', ...nets.flatMap((net) => ['--net', net])],
    through,
  );
  try {
    await guest.waitForShell(300);
    await guest.run(nets.map((_, i) => `ip link set eth${i} up`).join('; '));
    return guest;
  } catch (error) {
    await guest[Symbol.asyncDispose]();
    throw error;
  }
}

/** Asks DHCP, with a name of its own, and takes the address that it gives. */
async function dhcp(guest: GuestConsole, device: string, own = 'guest'): Promise<string> {
  const text = await guest.run(
    `udhcpc -i ${device} -x hostname:${own} -n -q -t 10 -T 1 -s /bin/true 2>&1`,
  );
  const address = /lease of (\S+) obtained/.exec(text)?.[1] ?? '';
  await guest.run(`ip addr add ${address}/24 dev ${device}`);
  return address;
}

const ping = (to: string): string => `ping -c 1 -W 5 ${to}`;

it('two VMs see each other on an internal, a NAT and a host-only network, and what belongs to each', async () => {
  const nets = [`internal,name=${name}i`, `nat-network,name=${name}n`, `host-only,name=${name}h`];
  await using a = await started(nets);
  await using b = await started(nets);

  // Internal: the other one, and nobody who gives addresses.
  await a.run('ip addr add 192.168.9.1/24 dev eth0');
  await b.run('ip addr add 192.168.9.2/24 dev eth0');
  await a.run(ping('192.168.9.2'));
  await b.run(ping('192.168.9.1'));
  await expect(b.run('udhcpc -i eth0 -n -q -t 2 -T 1 -s /bin/true')).rejects.toThrow();

  // NAT network: one gateway, which is no way to the host's loopback.
  const nat = [await dhcp(a, 'eth1', 'alpha'), await dhcp(b, 'eth1', 'beta')];
  expect(nat).toEqual(['10.0.2.15', '10.0.2.16']);
  await b.run(ping('10.0.2.15'));
  for (const guest of [a, b]) {
    await guest.run(ping('10.0.2.2'));
    await expect(guest.run(`timeout 10 wget -q -O - http://10.0.2.2:${port}/`)).rejects.toThrow();
    expect(await guest.run('nslookup gateway.guesthouse.internal 10.0.2.3')).toContain('10.0.2.2');
  }
  // Each finds the other by name.
  expect(await b.run('nslookup alpha.guesthouse.internal 10.0.2.3')).toContain('10.0.2.15');
  expect(await a.run('nslookup beta.guesthouse.internal 10.0.2.3')).toContain('10.0.2.16');

  // Host-only: the host's services, but not its own server's, and no way further.
  const only = [await dhcp(a, 'eth2'), await dhcp(b, 'eth2')];
  expect(only).toEqual(['10.0.3.15', '10.0.3.16']);
  await b.run(ping('10.0.3.15'));
  const get = `timeout 10 wget -q -O - http://10.0.3.2:${port}/`;
  for (const guest of [a, b]) {
    expect(await guest.run(get)).toBe('from the host');
    await guest.run('ip route add 192.0.2.0/24 via 10.0.3.2');
    await expect(guest.run('timeout 10 wget -q -O - http://192.0.2.1/')).rejects.toThrow();
  }
  const release = claimServerPort(port);
  await expect(a.run(get)).rejects.toThrow();
  release();
  expect(await a.run(get)).toBe('from the host');

  // The hub ends: the other one has the networks now.
  a.type('poweroff -f\n');
  expect(await a.exited).toBe(0);
  await b.run(`for i in $(seq 20); do ${ping('10.0.2.2')} && break; done`);
  expect(await b.run(get)).toBe('from the host');
});

it('a VM joins a bridge and a TAP device of the host, and is told what is missing', async () => {
  const inside = ['ip', 'netns', 'exec', name];
  const run = async (...command: string[]): Promise<void> =>
    void (await execute('ip', ['-n', name, ...command]));
  await execute('ip', ['netns', 'add', name]);
  try {
    await run('link', 'add', 'br0', 'type', 'bridge');
    await run('addr', 'add', '192.168.7.1/24', 'dev', 'br0');
    await run('link', 'set', 'br0', 'up');
    // By the name of an interface that is in it, as well as by its own.
    await run('link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'far0');
    await run('link', 'set', 'port0', 'master', 'br0');
    await run('tuntap', 'add', 'dev', 'tap7', 'mode', 'tap');
    await run('addr', 'add', '192.168.8.1/24', 'dev', 'tap7');
    {
      await using guest = await started(['bridged,bridge=port0', 'tap,device=tap7'], inside);
      await guest.run('ip addr add 192.168.7.2/24 dev eth0; ip addr add 192.168.8.2/24 dev eth1');
      await guest.run(ping('192.168.7.1'));
      await guest.run(ping('192.168.8.1'));
      // Frames without checksums are completed on their way to the kernel.
      await guest.run('httpd -p 80 -h /bin');
      const fetched = await execute('ip', [
        ...['netns', 'exec', name, 'sh', '-c'],
        'curl -sf --retry-connrefused --retry 20 http://192.168.7.2/busybox | md5sum',
      ]);
      expect(fetched.stdout.split(' ')[0]).toBe(
        (await guest.run('md5sum /bin/busybox')).split(' ')[0],
      );
      const second = new GuestConsole([...boot, '--net', 'tap,device=tap7'], inside);
      expect(await second.exited).not.toBe(0);
      expect(second.errors).toContain('Another program uses the TAP device tap7 already.');
    }
    const lost = new GuestConsole([...boot, '--net', 'bridged,bridge=nobridge'], inside);
    expect(await lost.exited).not.toBe(0);
    expect(lost.errors).toContain('This computer has no bridge nobridge.');
    expect(lost.errors).toContain('ip link add br0 type bridge');
    const bare = new GuestConsole([...boot, '--net', 'bridged,bridge=lo'], inside);
    expect(await bare.exited).not.toBe(0);
    expect(bare.errors).toContain('The network interface lo is in no bridge.');
    expect(bare.errors).toContain('ip link set NAME master br0');
  } finally {
    await execute('ip', ['netns', 'del', name]);
  }
});
