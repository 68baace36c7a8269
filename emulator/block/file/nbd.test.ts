import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withPolicies } from '../../host/diskPolicies.ts';
import { convertDisk } from '../../host/diskTool.ts';
import { LayeredDisk } from '../layeredDisk.ts';
import { openDisk } from './fileDisk.ts';
import { parseNbdAddress } from './nbdAddress.ts';

let folder: string;
let servers: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'nbd-'));
  servers = [];
});
afterEach(() => {
  for (const server of servers) server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const size = 8 << 20;
const pattern = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 0xff);

/** Starts a server and resolves when it listens. */
async function serve(name: keyof typeof kinds, image: string): Promise<string> {
  const socket = path.join(folder, `${name}.sock`);
  rmSync(socket, { force: true });
  const [command, args, url] = kinds[name](image, socket);
  const server = spawn(command, args, { stdio: 'ignore' });
  servers.push(server);
  for (let tries = 0; !listens(socket); tries++) {
    if (tries === 2400 || server.exitCode !== null) throw new Error(`${name} does not start`);
    await wait(25);
  }
  return url;
}

/** Without a connection, which the server could take for its only client: proc(5), flag of a socket that accepts. */
const listens = (socket: string): boolean =>
  readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .some((line) => line.endsWith(` ${socket}`) && line.split(' ')[3] === '00010000');

const kinds = {
  'qemu-nbd': (image: string, socket: string): [string, string[], string] => [
    'qemu-nbd',
    ['-t', '-e', '4', '-f', 'raw', '-x', 'disk', '-k', socket, '--discard=unmap', image],
    `nbd+unix:///disk?socket=${socket}`,
  ],
  nbdkit: (image: string, socket: string): [string, string[], string] => [
    'nbdkit',
    ['-f', '-U', socket, 'file', image],
    `nbd+unix:///?socket=${socket}`,
  ],
  'nbd-server': (image: string, socket: string): [string, string[], string] => {
    const config = path.join(folder, 'nbd.conf');
    writeFileSync(
      config,
      `[generic]\nunixsock = ${socket}\n[disk]\nexportname = ${image}\nflush = true\nfua = true\ntrim = true\n`,
    );
    return ['nbd-server', ['-d', '-C', config], `nbd+unix:///disk?socket=${socket}`];
  },
};

function rawImage(): string {
  const image = path.join(folder, 'disk.raw');
  writeFileSync(image, '');
  truncateSync(image, size);
  return image;
}

test('an image builds on an export whose server is allowed, and on no other', async () => {
  const below = rawImage();
  const data = pattern(65_536, 3);
  writeFileSync(below, data);
  truncateSync(below, size);
  const url = await serve('qemu-nbd', below);
  const top = path.join(folder, 'top.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', url, '-F', 'raw', top]);
  const open = (allowed: readonly string[]) =>
    openDisk({ path: top, format: 'auto', readOnly: false, allowed });
  const server = `nbd+unix:///?socket=${path.join(folder, 'qemu-nbd.sock')}`;
  await expect(open([folder])).rejects.toMatchObject({
    ...{ code: 'not-allowed', wanted: { disk: top, folder: server } },
  });
  const disk = await open([server]);
  const read = new Uint8Array(65_536);
  await disk.read(0, [read]);
  expect(Buffer.compare(read, data)).toBe(0);
  await disk.write(4096, [pattern(4096, 9)]);
  await disk.close();
  data.set(pattern(4096, 9), 4096);
  // Written into the image, not through it.
  expect(Buffer.compare(readFileSync(below).subarray(0, 65_536), pattern(65_536, 3))).toBe(0);
  const flat = path.join(folder, 'flat.raw');
  execFileSync('qemu-img', ['convert', '-O', 'raw', top, flat]);
  expect(Buffer.compare(readFileSync(flat).subarray(0, 65_536), data)).toBe(0);
});

describe.each(Object.keys(kinds) as (keyof typeof kinds)[])('an export of %s', (kind) => {
  test('holds what many requests in flight write, zero and flush', async () => {
    const image = rawImage();
    const url = await serve(kind, image);
    const model = new Uint8Array(size);
    const disk = await openDisk({ path: url, format: 'raw', readOnly: false });
    expect(disk.size).toBe(size);
    await Promise.all(
      Array.from({ length: 64 }, async (_, i) => {
        const data = pattern(40_960, i);
        model.set(data, i * 131_072 - (i % 2) * 512 + 512);
        await disk.write(i * 131_072 - (i % 2) * 512 + 512, [
          data.subarray(0, 512),
          data.subarray(512),
        ]);
      }),
    );
    await disk.writeZeroes(131_072, 65_536);
    model.fill(0, 131_072, 196_608);
    await disk.discard(7 << 20, 65_536);
    await disk.flush();
    const got = new Uint8Array(7 << 20);
    await Promise.all(
      Array.from({ length: 56 }, (_, i) =>
        disk.read(i << 17, [got.subarray(i << 17, (i + 1) << 17)]),
      ),
    );
    expect(Buffer.compare(got, model.subarray(0, 7 << 20))).toBe(0);
    await disk.close();
    expect(
      Buffer.compare(readFileSync(image).subarray(0, 7 << 20), model.subarray(0, 7 << 20)),
    ).toBe(0);
  });

  test('is filled by convert, and converted to an image', async () => {
    const source = path.join(folder, 'source.raw');
    writeFileSync(source, pattern(size, 5));
    const image = rawImage();
    const url = await serve(kind, image);
    const from = { format: 'raw', allowedFolders: [] } as const;
    await convertDisk({ ...from, path: source }, { path: url, format: 'raw' });
    // What is in the file is durable; and a debugged nbd-server takes one connection only.
    servers[0]!.kill('SIGKILL');
    await serve(kind, image);
    const copy = path.join(folder, 'copy.qcow2');
    await convertDisk({ ...from, path: url }, { path: copy, format: 'qcow2' });
    execFileSync('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', source, copy]);
  });
});

test('writes that must be durable are sent with FUA, and discards as TRIM', async () => {
  const socket = path.join(folder, 'logged.sock');
  const log = path.join(folder, 'log');
  const args = [
    '-f',
    '-U',
    socket,
    '--filter=log',
    'file',
    rawImage(),
    `logfile=${log}`,
    'logappend=true',
  ];
  servers.push(spawn('nbdkit', args, { stdio: 'ignore' }));
  while (!listens(socket)) await wait(25);
  const url = `nbd+unix:///?socket=${socket}`;
  const image = await openDisk({ path: url, format: 'raw', readOnly: false });
  const disk = withPolicies(new LayeredDisk(image), { cache: 'writethrough' });
  await disk.write(4096, [pattern(4096, 1)]);
  // Nothing is left to flush, so the server may go.
  servers[0]!.kill('SIGKILL');
  rmSync(socket);
  servers.push(spawn('nbdkit', args, { stdio: 'ignore' }));
  const got = new Uint8Array(4096);
  await disk.read(4096, [got]);
  expect(got).toEqual(pattern(4096, 1));
  await disk.discard!(65_536, 65_536);
  await disk.close();
  const asked = readFileSync(log, 'utf8');
  expect(asked).toMatch(/ Write id=\d+ offset=0x1000 count=0x1000 fua=1 /);
  expect(asked).toMatch(/ Trim id=\d+ offset=0x10000 count=0x10000 /);
});

describe('an export of qemu-nbd', () => {
  test('is asked again by a new connection when its server comes back with all writes flushed', async () => {
    const image = rawImage();
    const url = await serve('qemu-nbd', image);
    const disk = await openDisk({ path: url, format: 'raw', readOnly: false });
    await disk.write(4096, [pattern(4096, 1)]);
    await disk.flush();
    servers[0]!.kill('SIGKILL');
    const got = new Uint8Array(4096);
    const reading = disk.read(4096, [got]);
    await serve('qemu-nbd', image);
    await reading;
    expect(got).toEqual(pattern(4096, 1));
    await disk.close();
  });

  test('fails with the reason when its server goes before writes were flushed', async () => {
    const url = await serve('qemu-nbd', rawImage());
    const disk = await openDisk({ path: url, format: 'raw', readOnly: false });
    await disk.write(0, [pattern(512, 1)]);
    const gone = new Promise((resolve) => servers[0]!.once('exit', resolve));
    servers[0]!.kill('SIGKILL');
    await gone;
    await expect(disk.flush()).rejects.toThrow(/before it had made all writes durable/);
    await disk.close();
  });

  test('that does not exist, or has no server, is refused with what to do', async () => {
    const url = await serve('qemu-nbd', rawImage());
    const opening = (address: string) => openDisk({ path: address, format: 'raw', readOnly: true });
    await expect(opening(url.replace('disk?', 'other?'))).rejects.toMatchObject({
      code: 'missing',
      message: expect.stringContaining('no export "other"'),
    });
    await expect(opening('nbd://127.0.0.1:9/disk')).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining('Start the server'),
    });
  });
});

describe('an export by TLS', () => {
  /** A folder of certificates as nbdkit and libnbd want it: an authority, a server and a client. */
  function certificates(): string {
    const pki = mkdtempSync(path.join(folder, 'pki-'));
    const openssl = (...args: string[]): void => {
      execFileSync('openssl', args, { cwd: pki, stdio: 'ignore' });
    };
    const key = (name: string): string[] => [
      ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', `${name}-key.pem`, '-subj', `/CN=${name}`],
    ];
    openssl('req', '-x509', ...key('ca'), '-days', '3', '-out', 'ca-cert.pem');
    for (const name of ['server', 'client']) {
      openssl('req', ...key(name), '-out', `${name}.csr`);
      writeFileSync(path.join(pki, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:disks.test\n');
      openssl(
        ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca-cert.pem', '-CAkey', 'ca-key.pem'],
        ...['-CAcreateserial', '-days', '3', '-extfile', 'names', '-out', `${name}-cert.pem`],
      );
    }
    return pki;
  }

  const secure = {
    nbdkit: (image: string, pki: string, socket: string) => [
      ...['-f', '-U', socket, '--tls=require', `--tls-certificates=${pki}`],
      ...['--tls-verify-peer', 'file', image],
    ],
    'qemu-nbd': (image: string, pki: string, socket: string) => [
      ...['-k', socket, '-t', '-e', '4', '-f', 'raw', '--tls-creds', 'tls0'],
      ...['--object', `tls-creds-x509,id=tls0,dir=${pki},endpoint=server,verify-peer=yes`, image],
    ],
  };

  test.for(['nbdkit', 'qemu-nbd'] as const)('of %s is read and written', async (program) => {
    const image = rawImage();
    const pki = certificates();
    const socket = path.join(pki, 'sock');
    const server = spawn(program, secure[program](image, pki, socket), { stdio: 'ignore' });
    servers.push(server);
    for (let tries = 0; !listens(socket); tries++) {
      if (tries === 2400 || server.exitCode !== null) throw new Error(`${program} does not start`);
      await wait(25);
    }
    const url = `nbds+unix:///?socket=${socket}&tls-hostname=disks.test`;
    const open = (address: string) => openDisk({ path: address, format: 'raw', readOnly: false });
    const disk = await open(`${url}&tls-certificates=${pki}`);
    const data = Array.from({ length: 32 }, (_, i) => pattern(100_352, i));
    await Promise.all(data.map((part, i) => disk.write(i * 100_352, [part])));
    const back = new Uint8Array(32 * 100_352);
    await disk.read(0, [back]);
    await disk.close();
    expect(Buffer.compare(back, Buffer.concat(data))).toBe(0);
    expect(Buffer.compare(readFileSync(image).subarray(0, back.length), back)).toBe(0);
    // Plainly; with an authority that is not ours; with a name that is not the server's; as nobody that it knows.
    await expect(open(`nbd+unix:///?socket=${socket}`)).rejects.toThrow(/wants TLS; write nbds/);
    await expect(open(url)).rejects.toThrow(/TLS fails with it/);
    await expect(
      open(`nbds+unix:///?socket=${socket}&tls-hostname=other.test&tls-certificates=${pki}`),
    ).rejects.toThrow(/TLS fails with it .*other\.test/);
    rmSync(path.join(pki, 'client-cert.pem'));
    await expect(open(`${url}&tls-certificates=${pki}`)).rejects.toThrow();
  });

  test('is refused where the server has none', async () => {
    const url = await serve('nbdkit', rawImage());
    await expect(
      openDisk({ path: url.replace('nbd+', 'nbds+'), format: 'raw', readOnly: true }),
    ).rejects.toThrow(/does not offer TLS/);
  });
});

test('addresses of exports are taken apart, and wrong ones refused', () => {
  expect(parseNbdAddress('nbd://host/a%20b')).toMatchObject({
    connect: { host: 'host', port: 10809 },
    exportName: 'a b',
  });
  expect(parseNbdAddress('nbd://[::1]:80/')).toMatchObject({
    connect: { host: '::1', port: 80 },
    exportName: '',
  });
  expect(parseNbdAddress('nbd+unix:///x?socket=/run/n%20bd')).toMatchObject({
    connect: { path: '/run/n bd' },
    exportName: 'x',
  });
  expect(() => parseNbdAddress('nbd+unix:///x')).toThrow(/names no socket/);
  expect(parseNbdAddress('nbds://host/x?tls-certificates=/etc/pki&tls-hostname=disks')).toEqual({
    url: 'nbds://host/x?tls-certificates=/etc/pki&tls-hostname=disks',
    connect: { host: 'host', port: 10809 },
    exportName: 'x',
    tls: { folder: '/etc/pki', hostName: 'disks' },
  });
  expect(() => parseNbdAddress('nbd://host/x?tls-hostname=disks')).toThrow(/only host/);
});
