/** Our network against programs of the real world. About a minute. */
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HostEntropy } from '../../emulator/bus/entropy.ts';
import { HostTime } from '../../emulator/host/hostTime.ts';
import { SharedNetwork, type SharedNetworkParts } from '../../emulator/host/sharedNetwork.ts';
import type { Link } from '../../emulator/net/link.ts';
import { UserNetwork } from '../../emulator/net/user/userNetwork.ts';
import { FolderBootFiles, NodeHostNetwork } from '../../emulator/backends/node/nodeHostNetwork.ts';
import { freePort } from '../framework/freePort.ts';
import { debianPackages } from './debianPackages.ts';
import { NetworkNamespace } from './networkNamespace.ts';

const execute = promisify(execFile);
const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
const listen = (server: Server, host: string): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, host, () => resolve((server.address() as AddressInfo).port)),
  );
/** What an echo server says to "hello"; undefined if nobody answers. */
const askTcp = (port: number, host: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ port, host });
    socket.once('connect', () => socket.write('hello'));
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(bytes.toString());
    });
    socket.once('error', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
  });
const askUdp = (port: number, host: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const finish = (text: string | undefined): void => {
      clearTimeout(timer);
      socket.close();
      resolve(text);
    };
    const timer = setTimeout(() => finish(undefined), 30_000);
    socket.once('message', (bytes) => finish(bytes.toString()));
    // Connected, it is told that a port is closed.
    socket.once('error', () => finish(undefined));
    socket.connect(port, host, () => socket.send('hello'));
  });
const connects = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let folder: string;
/** Served by HTTP on both loopbacks. */
const payload = randomBytes(32 << 20);
const small = payload.subarray(0, 500_000);
const web = createServer((request, response) => {
  if (request.method === 'PUT') {
    const hash = createHash('md5');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => response.end(hash.digest('hex')));
  } else response.end(request.url === '/small' ? small : payload);
});
const web6 = createServer((request, response) =>
  response.end(request.url === '/small' ? small : payload),
);
let port: number;
let port6: number;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-peers-'));
  await writeFile(path.join(folder, 'payload'), payload);
  port = await listen(web, '127.0.0.1');
  port6 = await listen(web6, '::1');
});
afterAll(async () => {
  web.close();
  web6.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the user-mode network and Linux', () => {
  it('carry files by curl both ways, over IPv4 and IPv6, and captures hold no malformed packet', async () => {
    await using guest = await NetworkNamespace.create({ hostLoopback: true });
    const get = (url: string): Promise<string> => guest.run(`curl -s -g ${url} | md5sum`);
    expect(await get(`http://10.0.2.2:${port}/`)).toContain(md5(payload));
    const put = `curl -s -T ${folder}/payload http://10.0.2.2:${port}/`;
    expect(await guest.run(put)).toBe(md5(payload));
    // Router solicitation and duplicate address detection take Linux a while.
    await guest.run(
      'for i in $(seq 100); do ip -6 addr | grep -q "fd67.* scope global dynamic.*[^e]$" && break; sleep 0.1; done; sleep 2',
      20,
    );
    expect(await get(`http://[fd67:7565:7374::2]:${port6}/`)).toContain(md5(payload));
    const file = path.join(folder, 'curl.pcapng');
    await guest.capture(file);
    await guest.run(`curl -s http://10.0.2.2:${port}/small | md5sum`);
    await guest.run(`curl -s -g http://[fd67:7565:7374::2]:${port6}/small | md5sum`);
    await guest.run(`head -c 500000 ${folder}/payload | curl -s -T - http://10.0.2.2:${port}/`);
    await guest.stopCapture();
    const { stdout } = await execute(
      'tshark',
      [
        '-r',
        file,
        '-Y',
        '_ws.malformed || tcp.checksum.status == 0',
        '-o',
        'tcp.check_checksum:TRUE',
      ],
      { maxBuffer: 64 << 20 },
    );
    expect(stdout).toBe('');
    const { stdout: all } = await execute('tshark', ['-r', file, '-q', '-z', 'io,phs']);
    expect(all).toMatch(/ipv6\s+frames:\d{2,}/);
  });

  it('keep the host to itself unless it is allowed', async () => {
    await using guest = await NetworkNamespace.create({
      rules: [{ action: 'deny', to: '192.0.2.0/24' }],
    });
    const refused = await guest.run(`curl -s -m 30 http://10.0.2.2:${port}/; echo $?`);
    expect(refused).toBe('7');
    expect(await guest.run('curl -s -m 30 http://192.0.2.1/; echo $?')).toBe('7');
    const [busybox] = await debianPackages(['busybox-static'], 'amd64');
    const ping = await guest.run(`${busybox}/bin/busybox ping -c 1 -W 10 10.0.2.2`);
    expect(ping).toContain('1 packets received');
  });

  it('give an address to a DHCP client and a boot file by TFTP', async () => {
    const [busybox] = await debianPackages(['busybox-static'], 'amd64');
    await using guest = await NetworkNamespace.create({
      bootFiles: new FolderBootFiles(folder),
      bootFile: 'payload',
    });
    await writeFile(path.join(folder, 'small'), payload.subarray(0, 100_000));
    await writeFile(
      path.join(folder, 'udhcpc.sh'),
      '#!/bin/sh\nenv | grep -E "^(ip|router|dns|subnet|boot_file|siaddr|lease)="\n',
      { mode: 0o755 },
    );
    const got = await guest.run(
      `${busybox}/bin/busybox udhcpc -i ${guest.device} -n -q -s ${folder}/udhcpc.sh`,
    );
    for (const line of [
      'ip=10.0.2.15',
      'router=10.0.2.2',
      'dns=10.0.2.3',
      'subnet=255.255.255.0',
      'boot_file=payload',
    ])
      expect(got).toContain(line);
    const fetched = await guest.run(`curl -s tftp://10.0.2.2/small | md5sum`);
    expect(fetched).toContain(md5(payload.subarray(0, 100_000)));
    expect(await guest.run('curl -s tftp://10.0.2.2/../../etc/passwd; echo $?')).not.toBe('0');
  });

  it('ask dnsmasq for names', async () => {
    const dns = await freePort();
    const server = spawn(
      'dnsmasq',
      [
        '-k',
        '-p',
        String(dns),
        '-a',
        '127.0.0.1',
        '-z',
        '--conf-file=/dev/null',
        '--no-resolv',
        '--no-hosts',
        '--address=/example.test/192.0.2.77',
        '--txt-record=long.test,' + 'x'.repeat(250),
        '--user=root',
      ],
      { stdio: 'ignore' },
    );
    try {
      // It listens for TCP, too.
      while (!(await connects(dns)) && server.exitCode === null) await wait(50);
      const [busybox] = await debianPackages(['busybox-static'], 'amd64');
      await using guest = await NetworkNamespace.create({
        nameServers: [{ address: '127.0.0.1', port: dns }],
      });
      const ask = (name: string): Promise<string> =>
        guest.run(`${busybox}/bin/busybox nslookup ${name} 10.0.2.3; true`);
      expect(await ask('www.example.test')).toContain('192.0.2.77');
      expect(await ask('gateway.guesthouse.internal')).toContain('10.0.2.2');
      expect(await ask('nobody.guesthouse.internal')).toContain('NXDOMAIN');
    } finally {
      server.kill('SIGKILL');
    }
  });

  it('carry ssh to the guest through a forwarded port', async () => {
    const keys = path.join(folder, 'ssh');
    await execute('sh', [
      '-c',
      `mkdir -p ${keys} /run/sshd && ssh-keygen -q -t ed25519 -N '' -f ${keys}/id && ssh-keygen -q -t ed25519 -N '' -f ${keys}/host && cp ${keys}/id.pub ${keys}/authorized && chmod 700 ${keys}`,
    ]);
    await using guest = await NetworkNamespace.create();
    guest.start(
      `/usr/sbin/sshd -D -p 22 -h ${keys}/host -o AuthorizedKeysFile=${keys}/authorized -o StrictModes=no -o PidFile=none`,
    );
    const forwarded = await freePort();
    const forward = {
      protocol: 'tcp',
      hostAddress: '127.0.0.1',
      hostPort: forwarded,
      guestPort: 22,
    } as const;
    await guest.network.forward([forward]);
    // Until the guest's server listens, whose word comes first.
    for (let i = 0; i < 300 && (await askTcp(forwarded, '127.0.0.1')) === undefined; i++)
      await wait(100);
    const ssh = `ssh -q -p ${forwarded} -i ${keys}/id -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@127.0.0.1`;
    const { stdout } = await execute('sh', ['-c', `${ssh} cat < ${folder}/payload | md5sum`], {
      timeout: 60_000,
    });
    expect(stdout).toContain(md5(payload));
    // A second machine cannot have the port, and is told why.
    await using other = await NetworkNamespace.create();
    await expect(other.network.forward([forward])).rejects.toThrow(/Another program uses TCP port/);
  });

  it('lead host ports of either protocol and family to the guest, as the list is now', async () => {
    await using guest = await NetworkNamespace.create();
    const guest6 = 'fd67:7565:7374::15';
    await guest.run(`ip -6 addr add ${guest6}/64 dev ${guest.device} nodad`);
    const server = path.join(folder, 'echo.mjs');
    await writeFile(
      server,
      `
      import { createSocket } from 'node:dgram';
      import { createServer } from 'node:net';
      for (const type of ['udp4', 'udp6']) {
        const socket = createSocket({ type, ipv6Only: type === 'udp6' });
        socket.on('message', (text, from) => socket.send('udp ' + text, from.port, from.address));
        socket.bind(7000);
      }
      createServer((socket) => socket.pipe(socket)).listen(7000, '::');
    `,
    );
    guest.start(`${process.execPath} ${server}`);
    const kinds = (['tcp', 'udp'] as const).flatMap((protocol) =>
      ['127.0.0.1', '::1'].map((hostAddress) => ({
        ...{ protocol, hostAddress, guestPort: 7000 },
        ...(hostAddress === '::1' && { guestAddress: guest6 }),
      })),
    );
    const all: ((typeof kinds)[number] & { hostPort: number })[] = [];
    for (const kind of kinds) all.push({ ...kind, hostPort: await freePort() });
    const ask = async ({ protocol, hostAddress, hostPort }: (typeof all)[number]) =>
      protocol === 'tcp' ? askTcp(hostPort, hostAddress) : askUdp(hostPort, hostAddress);
    const answers = async (): Promise<(string | undefined)[]> => {
      const list = [];
      for (const forward of all) list.push(await ask(forward));
      return list;
    };
    await guest.network.forward(all);
    // Until the guest's program listens.
    for (let i = 0; i < 300 && (await ask(all[0]!)) === undefined; i++) await wait(100);
    expect(await answers()).toEqual(['hello', 'hello', 'udp hello', 'udp hello']);
    await guest.network.forward(all.slice(1, 3));
    expect(await answers()).toEqual([undefined, 'hello', 'udp hello', undefined]);
    await guest.network.forward(all.slice(0, 1));
    expect(await answers()).toEqual(['hello', undefined, undefined, undefined]);
  });

  it('carry files of Samba both ways', async () => {
    const share = path.join(folder, 'share');
    const state = path.join(folder, 'samba');
    const smb = await freePort();
    await execute('mkdir', ['-p', share, state]);
    await writeFile(path.join(share, 'payload'), payload);
    const directories = ['lock', 'state', 'cache', 'pid'];
    await writeFile(
      path.join(state, 'smb.conf'),
      `[global]
map to guest = bad user
guest account = root
interfaces = 127.0.0.1
bind interfaces only = yes
disable netbios = yes
log file = ${state}/log
ncalrpc dir = ${state}/rpc
private dir = ${state}
${directories.map((name) => `${name} directory = ${state}`).join('\n')}
[share]
path = ${share}
guest ok = yes
writable = yes
`,
    );
    const server = spawn(
      '/usr/sbin/smbd',
      ['--foreground', '--no-process-group', '-s', path.join(state, 'smb.conf'), '-p', String(smb)],
      { stdio: 'ignore' },
    );
    try {
      await using guest = await NetworkNamespace.create({ hostLoopback: true });
      const client = `smbclient -N -s ${state}/smb.conf -p ${smb} //10.0.2.2/share -c`;
      const again = `for i in $(seq 50); do ${client} ls >/dev/null 2>&1 && break; sleep 0.2; done`;
      await guest.run(`${again}; ${client} 'get payload ${folder}/got; put ${folder}/got back'`);
      for (const file of [path.join(folder, 'got'), path.join(share, 'back')])
        expect(md5(await readFile(file))).toBe(md5(payload));
    } finally {
      server.kill('SIGKILL');
    }
  });

  it('survive scans', async () => {
    await using guest = await NetworkNamespace.create({ hostLoopback: true });
    const open = await guest.run(`nmap -n -Pn -sS -p 1-200,${port} 10.0.2.2`, 120);
    expect(open).toContain(`${port}/tcp open`);
    for (const kind of [
      '-sN',
      '-sX',
      '-sA',
      '-sU -F',
      '-sO',
      '-O',
      '-f -sS -F',
      '-6 -sS -F fd67:7565:7374::2',
    ])
      await guest.run(
        `timeout 15 nmap -n -Pn ${kind} --max-retries 1 ${kind.includes('fd67') ? '' : '10.0.2.2'}; true`,
        60,
      );
    expect(await guest.run(`curl -s http://10.0.2.2:${port}/ | md5sum`)).toContain(md5(payload));
    expect(guest.network.tcp.opening).toBeLessThan(200);
  });

  it('hold a thousand connections at a time', async () => {
    const echo = createTcpServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    const echoPort = await listen(echo, '127.0.0.1');
    await using guest = await NetworkNamespace.create({ hostLoopback: true });
    const client = path.join(folder, 'client.mjs');
    await writeFile(
      client,
      `
      import { connect } from 'node:net';
      const one = (i) => new Promise((resolve, reject) => {
        const text = ('<' + i + '>').repeat(500);
        let got = '';
        const socket = connect({ host: '10.0.2.2', port: ${echoPort}, allowHalfOpen: true });
        socket.on('connect', () => socket.write(text));
        socket.on('data', (data) => { got += data; if (got.length === text.length) resolve(() => new Promise((done) => { socket.on('end', done); socket.end(); })); });
        socket.on('error', reject);
        socket.on('end', () => got === text || reject(new Error('cut off')));
      });
      const open = [];
      for (let at = 0; at < 1000; at += 100)
        open.push(...await Promise.all(Array.from({ length: 100 }, (_, i) => one(at + i))));
      console.log('open', open.length);
      process.stdin.once('data', async () => { await Promise.all(open.map((end) => end())); console.log('ended'); process.exit(0); });
    `,
    );
    const child = spawn('ip', ['netns', 'exec', guest.name, process.execPath, client]);
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
    const until = async (text: string): Promise<void> => {
      for (let i = 0; i < 600 && !output.includes(text); i++) await wait(100);
      expect(output).toContain(text);
    };
    try {
      await until('open 1000');
      expect(guest.network.tcp.connections).toBeGreaterThanOrEqual(1000);
      child.stdin.write('x');
      await until('ended');
      await expect.poll(() => guest.network.tcp.connections).toBe(0);
    } finally {
      child.kill('SIGKILL');
      echo.close();
    }
  });

  it('leave captures of all kinds of traffic in which tshark finds nothing malformed', async () => {
    const [busybox] = await debianPackages(['busybox-static'], 'amd64');
    const tool = `${busybox}/bin/busybox`;
    await writeFile(path.join(folder, 'bootfile'), small);
    await using guest = await NetworkNamespace.create({
      ...{ hostLoopback: true, bootFiles: new FolderBootFiles(folder), bootFile: 'bootfile' },
      nameServers: [{ address: '127.0.0.1', port: 9 }],
    });
    const file = path.join(folder, 'kinds.pcapng');
    await guest.capture(file);
    const run = (command: string): Promise<string> => guest.run(`${command}; true`);
    await run(`${tool} udhcpc -i ${guest.device} -n -q -s /bin/true`);
    await run(`${tool} nslookup gateway.guesthouse.internal 10.0.2.3`);
    await run(`${tool} nslookup nobody.guesthouse.internal 10.0.2.3`);
    await run(`${tool} ping -c 2 -s 4000 10.0.2.2; ${tool} ping -c 1 -W 1 192.0.2.1`);
    await run(`${tool} ping6 -c 2 -s 4000 fd67:7565:7374::2`);
    await run('curl -s --tftp-blksize 1400 tftp://10.0.2.2/bootfile -o /dev/null');
    await run('curl -s tftp://10.0.2.2/nothing');
    await run('nmap -n -Pn -sU -p 53,67,69,123 --max-retries 0 10.0.2.2');
    guest.link.setConditions({ loss: 3, reorder: 3, latency: 0.5 });
    expect(await run(`curl -s http://10.0.2.2:${port}/small | md5sum`)).toContain(md5(small));
    await run(`head -c 500000 ${folder}/payload | curl -s -T - http://10.0.2.2:${port}/`);
    await guest.stopCapture();
    const check = '_ws.malformed || tcp.checksum.status == 0 || udp.checksum.status == 0';
    // What is sent again overlaps, of which tshark complains when it puts streams together.
    const settings = [
      'tcp.check_checksum:TRUE',
      'udp.check_checksum:TRUE',
      'tcp.desegment_tcp_streams:FALSE',
    ];
    const options = settings.flatMap((setting) => ['-o', setting]);
    const { stdout } = await execute('tshark', ['-r', file, '-Y', check, ...options]);
    expect(stdout).toBe('');
    const { stdout: kinds } = await execute('tshark', ['-r', file, '-q', '-z', 'io,phs']);
    for (const kind of ['arp', 'dhcp', 'dns', 'icmp', 'icmpv6', 'tftp', 'tcp'])
      expect(kinds).toMatch(new RegExp(`\\b${kind} +frames:`));
    const { stdout: sacks } = await execute('tshark', ['-r', file, '-Y', 'tcp.options.sack_le']);
    expect(sacks).not.toBe('');
  });

  it('deliver a GiB whole over a line that loses and reorders, both ways', async () => {
    const size = 1 << 30;
    const bytes = `head -c ${size} /dev/zero | openssl enc -aes-128-ctr -nosalt -K 0 -iv 0 2>/dev/null`;
    const { stdout: hash } = await execute('sh', ['-c', `${bytes} | sha1sum`]);
    const server = spawn(
      process.execPath,
      [path.join(import.meta.dirname, 'bulkServer.ts'), String(size)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      const [line] = (await once(server.stdout, 'data')) as [Buffer];
      await using guest = await NetworkNamespace.create({ hostLoopback: true });
      guest.link.setConditions({ loss: 2, reorder: 2, latency: 0.5, jitter: 0.2 });
      const url = `http://10.0.2.2:${line.toString().trim()}/`;
      expect(await guest.run(`curl -s ${url} | sha1sum`, 150)).toBe(hash.trim());
      const put = await guest.run(`${bytes} | curl -s -T - ${url}`, 150);
      expect(`${put}  -`).toBe(hash.trim());
    } finally {
      server.kill('SIGKILL');
    }
  });
});

describe('networks that machines share', () => {
  /** Two namespaces on one cable, as two processes would join it. */
  async function two(path: string, gateway?: SharedNetworkParts['gateway']) {
    const shared: SharedNetwork[] = [];
    const plug = (link: Link): SharedNetwork => {
      const one = new SharedNetwork({
        ...{ path, peer: link.networkEnd },
        ...(gateway === undefined ? {} : { gateway }),
      });
      shared.push(one);
      return one;
    };
    const [a, b] = [
      await NetworkNamespace.create({ plug, last: 15 }),
      await NetworkNamespace.create({ plug, last: 16 }),
    ];
    for (const one of shared) await one.open();
    return { a, b, shared };
  }

  it('see each other and nothing else on an internal one, also when the hub has gone', async () => {
    const [busybox] = await debianPackages(['busybox-static'], 'amd64');
    const ping = `${busybox}/bin/busybox ping -c 1 -W 3`;
    const { a, b, shared } = await two(path.join(folder, 'internal.sock'));
    try {
      expect(shared.map((one) => one.isHub)).toEqual([true, false]);
      expect(await a.run(`${ping} 10.0.2.16`)).toContain('1 packets received');
      expect(await b.run(`${ping} 10.0.2.15`)).toContain('1 packets received');
      await expect(a.run(`${ping} 10.0.2.2`)).rejects.toThrow();
      b.start(`${busybox}/bin/busybox httpd -f -p 80 -h ${folder}`);
      await wait(500);
      expect(await a.run('curl -s http://10.0.2.16/payload | md5sum')).toContain(md5(payload));
      await shared[0]?.close();
      await wait(1000);
      expect(shared[1]?.isHub).toBe(true);
    } finally {
      for (const one of shared) await one.close();
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    }
  });

  it('reach the outside through one gateway on a NAT network, under rules that change', async () => {
    let network: UserNetwork | undefined;
    const { a, b, shared } = await two(path.join(folder, 'nat.sock'), (to, guestOf) => {
      const parts = {
        clock: new HostTime(),
        host: new NodeHostNetwork(),
        entropy: new HostEntropy(),
      };
      return (network = new UserNetwork(to, parts, { hostLoopback: true, guestOf }));
    });
    try {
      const get = `curl -s -m 10 http://10.0.2.2:${port}/small | md5sum`;
      expect(await a.run(get)).toContain(md5(small));
      expect(await b.run(get)).toContain(md5(small));
      const [busybox] = await debianPackages(['busybox-static'], 'amd64');
      expect(await a.run(`${busybox}/bin/busybox ping -c 1 10.0.2.16`)).toContain(
        '1 packets received',
      );
      // While one scans, the other is served.
      const scan = a.start('nmap -n -Pn -sS -T5 --min-rate 1000 -p- 10.0.2.2');
      await wait(500);
      const began = performance.now();
      for (let i = 0; i < 5; i++) expect(await b.run(get)).toContain(md5(small));
      expect(performance.now() - began).toBeLessThan(15_000);
      expect(scan.exitCode).toBe(null);
      scan.kill('SIGKILL');
      // And while it has many connections that it never reads.
      const deaf = path.join(folder, 'deaf.mjs');
      await writeFile(
        deaf,
        `
        import { connect } from 'node:net';
        for (let i = 0; i < 300; i++)
          connect(${port}, '10.0.2.2').pause().write('GET / HTTP/1.1\\r\\nHost: host\\r\\n\\r\\n');
        setInterval(() => undefined, 1000);
      `,
      );
      let asked = 0;
      web.on('request', () => asked++);
      const reader = a.start(`${process.execPath} ${deaf}`);
      for (let i = 0; i < 1000 && asked < 300; i++) await wait(100);
      expect(asked).toBe(300);
      const since = performance.now();
      for (let i = 0; i < 5; i++) expect(await b.run(get)).toContain(md5(small));
      expect(performance.now() - since).toBeLessThan(15_000);
      expect(network?.tcp.connections).toBeGreaterThanOrEqual(300);
      reader.kill('SIGKILL');
      network?.setRules([{ action: 'deny', to: 'any' }]);
      expect(await b.run('curl -s -m 30 http://192.0.2.2:9/; echo $?')).toBe('7');
    } finally {
      for (const one of shared) await one.close();
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    }
  });
});
