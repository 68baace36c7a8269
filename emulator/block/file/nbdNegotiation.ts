/**
 * How a client and an NBD server agree (the NBD protocol, doc/proto.md): fixed newstyle negotiation with GO, or EXPORT_NAME where
 * the server has no GO; STARTTLS for nbds addresses; structured replies; the meta context base:allocation. Left out: oldstyle
 * negotiation, TLS by pre-shared keys, extended headers.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { isIP, type Socket } from 'node:net';
import path from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { BlockError } from '../../backends/block.ts';
import { ByteStream } from './byteStream.ts';
import type { NbdAddress, NbdTls } from './nbdAddress.ts';
import {
  allocation,
  handshakeFlag,
  infoType,
  isError,
  longestMessage,
  magic,
  option,
  optionReply,
  type NbdExport,
} from './nbdProtocol.ts';

export interface Negotiated {
  readonly exported: NbdExport;
  /** The one that was given, or TLS on it. */
  readonly socket: Socket;
  readonly stream: ByteStream;
}

/** Rejects with NbdGone if the server leaves, and with BlockError for what it refuses. */
export async function negotiate(address: NbdAddress, plain: Socket): Promise<Negotiated> {
  let socket = plain;
  let stream = new ByteStream(socket);
  const refused = (why: string): BlockError =>
    new BlockError('unsupported', `The NBD server of ${address.url} cannot be used: ${why}.`);
  const hello = await stream.take(18);
  if (hello.readBigUInt64BE(0) !== magic.server) throw refused('it does not speak NBD');
  const offered = hello.readUInt16BE(16);
  if (hello.readBigUInt64BE(8) !== magic.option || (offered & handshakeFlag.fixedNewstyle) === 0)
    throw refused(
      'it knows only the old negotiation; give it an export name (nbd-server: a section for the export)',
    );
  const flags = Buffer.alloc(4);
  flags.writeUInt32BE(offered & (handshakeFlag.fixedNewstyle | handshakeFlag.noZeroes));
  socket.write(flags);
  const name = Buffer.from(address.exportName);

  const ask = (code: number, data: Buffer): void => {
    const head = Buffer.alloc(16);
    head.writeBigUInt64BE(magic.option, 0);
    head.writeUInt32BE(code, 8);
    head.writeUInt32BE(data.length, 12);
    socket.write(Buffer.concat([head, data]));
  };
  /** The replies to an option; the last is an acknowledgement or an error. */
  const replies = async (): Promise<{ type: number; body: Buffer }[]> => {
    for (const list: { type: number; body: Buffer }[] = []; ;) {
      const head = await stream.take(20);
      const length = head.readUInt32BE(16);
      if (
        head.readBigUInt64BE(0) !== magic.optionReply ||
        length > longestMessage ||
        list.length > 64
      )
        throw refused('it answers what is no NBD negotiation');
      const reply = { type: head.readUInt32BE(12), body: await stream.take(length) };
      list.push(reply);
      if (reply.type === optionReply.ack || reply.type >= isError) return list;
    }
  };
  const text = (value: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(value.length);
    return Buffer.concat([length, value]);
  };

  if (address.tls !== undefined) {
    ask(option.startTls, Buffer.alloc(0));
    if ((await replies()).at(-1)?.type !== optionReply.ack) throw refused('it does not offer TLS');
    await stream.release();
    socket = await startTls(address, address.tls, plain).catch((error: unknown) => {
      throw refused(`TLS fails with it (${(error as Error).message})`);
    });
    stream = new ByteStream(socket);
  }
  ask(option.structuredReply, Buffer.alloc(0));
  const structured = (await replies()).at(-1)?.type === optionReply.ack;
  let tellsAllocation = false;
  if (structured) {
    ask(
      option.setMetaContext,
      Buffer.concat([text(name), Buffer.from([0, 0, 0, 1]), text(Buffer.from(allocation))]),
    );
    const list = await replies();
    tellsAllocation =
      list.at(-1)?.type === optionReply.ack &&
      list.some(({ type }) => type === optionReply.metaContext);
  }
  ask(option.go, Buffer.concat([text(name), Buffer.from([0, 1, 0, infoType.blockSize])]));
  const answers = await replies();
  const last = answers.at(-1);
  if (last?.type === isError + 1) {
    ask(option.exportName, name);
    const body = await stream
      .take(10 + ((offered & handshakeFlag.noZeroes) !== 0 ? 0 : 124))
      .catch(() => {
        throw noExport(address, '');
      });
    const exported = checked(
      { size: body.readBigUInt64BE(0), flags: body.readUInt16BE(8), tellsAllocation },
      refused,
    );
    return { exported, socket, stream };
  }
  if (last?.type !== optionReply.ack) {
    socket.end();
    const said = last?.body.toString('utf8') ?? '';
    if (last?.type === isError + 6) throw noExport(address, said);
    if (last?.type === isError + 5)
      throw refused('it wants TLS; write nbds:// in the place of nbd://');
    if (last?.type === isError + 2) throw refused(`it does not let us in${said && ` (${said})`}`);
    throw refused(said || `it refuses the export (${(last?.type ?? 0) - isError})`);
  }
  let found: { size: bigint; flags: number } | undefined;
  let [minimum, maximum] = [1, 32 << 20];
  for (const { type, body } of answers) {
    if (type !== optionReply.info || body.length < 2) continue;
    const kind = body.readUInt16BE(0);
    if (kind === infoType.exportSize && body.length === 12)
      found = { size: body.readBigUInt64BE(2), flags: body.readUInt16BE(10) };
    if (kind === infoType.blockSize && body.length === 14)
      [minimum, maximum] = [body.readUInt32BE(2), body.readUInt32BE(10)];
  }
  if (found === undefined) throw refused('it does not tell the size of the export');
  return {
    exported: checked({ ...found, tellsAllocation, minimum, maximum }, refused),
    ...{ socket, stream },
  };
}

/** Rejects with what is wrong with the server's certificate, or with our files. */
async function startTls(
  { connect }: NbdAddress,
  { folder, hostName }: NbdTls,
  socket: Socket,
): Promise<Socket> {
  const file = async (name: string): Promise<Buffer | undefined> => {
    if (folder === undefined) return undefined;
    return readFile(path.join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && name !== 'ca-cert.pem') return undefined;
      throw error;
    });
  };
  const [ca, cert, key] = await Promise.all(
    ['ca-cert.pem', 'client-cert.pem', 'client-key.pem'].map(file),
  );
  const host = hostName ?? ('path' in connect ? 'localhost' : connect.host);
  const secure = tlsConnect({
    ...{ socket, host, minVersion: 'TLSv1.2' },
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca && { ca }),
    ...(cert && key && { cert, key }),
  });
  await once(secure, 'secureConnect');
  return secure;
}

const noExport = (address: NbdAddress, said: string): BlockError =>
  new BlockError(
    'missing',
    `The NBD server has no export "${address.exportName}" (${address.url})${said && `: ${said}`}.`,
  );

function checked(
  told: {
    size: bigint;
    flags: number;
    tellsAllocation: boolean;
    minimum?: number;
    maximum?: number;
  },
  refused: (why: string) => BlockError,
): NbdExport {
  const { size, flags, tellsAllocation, minimum = 1, maximum = 32 << 20 } = told;
  if (size > 2n ** 53n) throw refused('it tells an impossible size');
  if (minimum < 1 || minimum > 65_536 || (minimum & (minimum - 1)) !== 0)
    throw refused('it tells impossible block sizes');
  const most = Math.min(maximum, 32 << 20);
  const maximumRequest = Math.max(minimum, most - (most % minimum));
  return { size: Number(size), flags, tellsAllocation, minimumBlock: minimum, maximumRequest };
}
