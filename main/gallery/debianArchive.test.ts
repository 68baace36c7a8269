/** A mirror of our own on the loopback, with a key made here: what is signed and whole is used, and nothing else. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync, existsSync, truncateSync, renameSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as openpgp from 'openpgp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageFile, readArchive } from './debianArchive.ts';
import { Downloads } from './downloads.ts';
import { resolvePackages } from './resolvePackages.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const signal = new AbortController().signal;
const none = (): void => undefined;

const packageBytes = Buffer.alloc(100_000, 'package ');
// What xz makes of it is no matter of this test; the index of this archive is so small that it lies here packed.
const index = Buffer.from(
  `Package: small\nVersion: 1\nPriority: required\nFilename: pool/small.deb\nSize: ${packageBytes.length}\n` +
    `SHA256: ${sha256(packageBytes)}\nDepends: awk\n\nPackage: mawk\nVersion: 1\nProvides: awk\n`,
);

describe('an archive', () => {
  let server: Server;
  let mirror: string;
  let keys: string[];
  let signed: string;
  let packed: Buffer;
  let folder: string;
  let ranges: string[] = [];
  let served: Buffer = packageBytes;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'guesthouse-archive-'));
    const { execFileSync } = await import('node:child_process');
    packed = execFileSync('xz', ['-c'], { input: index });
    const made = await openpgp.generateKey({ userIDs: [{ name: 'Archive' }], format: 'object' });
    keys = [made.publicKey.armor()];
    const text = `Suite: test\nSHA256:\n ${sha256(packed)} ${packed.length} main/binary-amd64/Packages.xz\n`;
    signed = await openpgp.sign({
      message: await openpgp.createCleartextMessage({ text }),
      signingKeys: made.privateKey,
    });
    server = createServer((request, response) => {
      const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
      if (range) ranges.push(range[0]);
      const body = request.url?.endsWith('InRelease')
        ? Buffer.from(signed)
        : request.url?.endsWith('Packages.xz')
          ? packed
          : request.url === '/pool/small.deb'
            ? served
            : undefined;
      if (!body) return void response.writeHead(404).end();
      const from = Number(range?.[1] ?? 0);
      response.writeHead(range ? 206 : 200).end(body.subarray(from));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  const read = (trusted = keys) =>
    readArchive(
      { mirror, suite: 'test', component: 'main', architecture: 'amd64', keys: trusted },
      new Downloads(folder),
      signal,
    );

  test('that a known key has signed gives its packages, and what they need', async () => {
    const packages = await read();
    expect(resolvePackages(packages, [])).toEqual(['mawk', 'small']);
  });

  test('signed by another key, or changed after it was signed, is refused', async () => {
    const other = await openpgp.generateKey({ userIDs: [{ name: 'Other' }], format: 'object' });
    await expect(read([other.publicKey.armor()])).rejects.toMatchObject({ code: 'signature' });
    const before = signed;
    signed = signed.replace('Suite: test', 'Suite: evil');
    await expect(read()).rejects.toMatchObject({ code: 'signature' });
    signed = 'Suite: test\n';
    await expect(read()).rejects.toMatchObject({ code: 'signature' });
    signed = before;
  });

  test('gives a package that was interrupted from there on, and one that is damaged not at all', async () => {
    const file = packageFile(mirror, (await read()).get('small')!);
    const downloads = new Downloads(folder);
    const kept = path.join(folder, file.sha256);
    await downloads.fetch(file, signal, none);
    renameSync(kept, `${kept}.part`);
    truncateSync(`${kept}.part`, 40_000);
    ranges = [];
    const seen: number[] = [];
    expect((await downloads.fetch(file, signal, (done) => seen.push(done))).length).toBe(100_000);
    expect(ranges).toEqual(['bytes=40000-']);
    expect(seen[0]).toBe(40_000);
    // Once more: it is here.
    ranges = [];
    served = Buffer.alloc(0);
    await downloads.fetch(file, signal, none);

    rmSync(kept);
    served = Buffer.alloc(100_000, 'something else');
    await expect(downloads.fetch(file, signal, none)).rejects.toMatchObject({
      code: 'download-damaged',
    });
    expect(existsSync(`${kept}.part`)).toBe(false);
    writeFileSync(kept, 'damaged on the disk');
    served = packageBytes;
    expect(Buffer.compare(await downloads.fetch(file, signal, none), packageBytes)).toBe(0);
  });

  test('that is not there is named', async () => {
    const missing = { url: `${mirror}/nothing`, size: 1, sha256: sha256(Buffer.from('x')) };
    await expect(new Downloads(folder).fetch(missing, signal, none)).rejects.toThrow(
      `${mirror}/nothing cannot be fetched (HTTP 404).`,
    );
  });
});
