/** Debian is online by itself through the user-mode network, and installs packages from this machine's mirror. */
import { readFile, readdir } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { DebianSystem } from './debianSystem.ts';
import type { GuestConsole } from './guestConsole.ts';

/** Debian's archives as this machine has them configured, without others' that need keys of their own. */
async function hostSources(): Promise<string> {
  const folder = '/etc/apt/sources.list.d';
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(
    [
      '/etc/apt/sources.list',
      ...names.filter((name) => name.endsWith('.sources')).map((name) => `${folder}/${name}`),
    ].map((file) => readFile(file, 'utf8').catch(() => '')),
  );
  const stanzas = texts
    .flatMap((text) => text.replaceAll(/^#.*\n/gm, '').split(/\n\s*\n/))
    .filter((text) => /^URIs:/m.test(text) && text.includes('debian-archive-keyring'));
  if (stanzas.length > 0) return stanzas.map((text) => text.trim()).join('\n\n');
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => /^deb /.test(line));
  return `Types: deb\nURIs: ${/https?:\/\/\S+/.exec(lines.join('\n'))?.[0] ?? 'http://deb.debian.org/debian'}\nSuites: bookworm\nComponents: main`;
}

/** A proxy of HTTP on ::1: what a guest fetches through it has gone over IPv6. */
async function proxy6(): Promise<{ server: Server; port: number; served: string[] }> {
  const served: string[] = [];
  const server = createServer((from, to) => {
    served.push(from.url ?? '');
    const onward = request(
      from.url ?? '',
      { method: from.method, headers: from.headers },
      (answer) => {
        to.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(to);
      },
    );
    onward.on('error', () => to.destroy());
    from.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
  return { server, port: (server.address() as AddressInfo).port, served };
}

/** Waits for what DHCP and router advertisements give. */
const online = (guest: GuestConsole): Promise<string> =>
  guest.run(
    'for i in $(seq 60); do ip -4 -o addr | grep -q 10.0.2.15 && ip -6 -o addr | grep -v tentative | grep -q fd67: && break; sleep 0.5; done; ip -o addr; ip route; ip -6 route',
  );

/** With one adapter up at a time, as both networks have the same addresses. */
async function useOnly(guest: GuestConsole, driver: string): Promise<string> {
  await guest.run(
    `for d in /sys/class/net/en*; do case $(readlink $d/device/driver) in */${driver}) up=\${d##*/};; *) ip link set \${d##*/} down;; esac; done; ip link set $up up`,
  );
  return online(guest);
}

it(
  'Debian gets addresses, routes and names by itself, and installs packages over IPv4 and IPv6, on either adapter',
  { timeout: 1_800_000 },
  async () => {
    await using system = await DebianSystem.create();
    const { server, port, served } = await proxy6();
    try {
      await using guest = await system.start([
        ...['--net', 'user', '--net', 'user,model=e1000,host-loopback=on', '--memory', '768'],
      ]);
      for (const driver of ['e1000', 'virtio_net']) {
        const shown = await useOnly(guest, driver);
        expect(shown).toMatch(/10\.0\.2\.15\/24/);
        expect(shown).toMatch(/default via 10\.0\.2\.2 dev en\S+ proto dhcp/);
        expect(shown).toMatch(/fd67:7565:7374:\S+\/64 scope global/);
        expect(shown).toMatch(/default (nhid \d+ )?via fe80::2 dev en\S+ proto ra/);
        const names = await guest.run(
          'resolvectl dns; resolvectl query -4 gateway.guesthouse.internal; resolvectl query -6 gateway.guesthouse.internal',
        );
        expect(names).toMatch(/: 10\.0\.2\.3 fd67:7565:7374::3/);
        expect(names).toContain('gateway.guesthouse.internal: 10.0.2.2');
        expect(names).toContain('gateway.guesthouse.internal: fd67:7565:7374::2');
      }
      const sources = Buffer.from(`${await hostSources()}\n`).toString('base64');
      const lenient = ['Check-Valid-Until', 'Check-Date'].map(
        (name) => `Acquire::${name} "false";`,
      );
      await guest.run(
        `rm -f /etc/apt/sources.list; echo ${sources} | base64 -d > /etc/apt/sources.list.d/debian.sources; echo '${lenient.join(' ')}' > /etc/apt/apt.conf.d/90test`,
      );
      const install = 'apt-get install -y -qq --no-install-recommends';
      await guest.run('apt-get update -qq -o APT::Update::Error-Mode=any', 900);
      await guest.run(`${install} hello`, 400);
      expect(await guest.run('hello')).toBe('Hello, world!');
      await useOnly(guest, 'e1000');
      await guest.run(
        `${install} -o Acquire::http::Proxy=http://[fd67:7565:7374::2]:${port} tree`,
        400,
      );
      expect(await guest.run('tree --version')).toMatch(/^tree v/);
      expect(served.some((url) => /\/tree_.*\.deb$/.test(url))).toBe(true);
      guest.type('poweroff\n');
      expect(await guest.exited).toBe(0);
    } finally {
      server.close();
    }
  },
);
