/**
 * A web server of a process of its own: GET sends `argv[2]` bytes that look random, PUT answers with the hash of
 * what it got. Prints its port. The bytes are those of AES-128-CTR with a key of zeros, so that
 * openssl makes the same.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';

const size = Number(process.argv[2]);
const zeros = Buffer.alloc(256 << 10);

function* content(): Iterable<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  for (let left = size; left > 0; left -= zeros.length)
    yield cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
}

const server = createServer((request, response) => {
  if (request.method === 'PUT') {
    const hash = createHash('sha1');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => response.end(hash.digest('hex')));
  } else Readable.from(content()).pipe(response);
});
server.listen(0, '127.0.0.1', () =>
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`),
);
