/** The certificate that a user gives the server for https and wss: read, checked, and asked which names it is for. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { UserError } from '../../shared/services/errors.ts';

export interface TlsFiles {
  /** PEM file of the certificate; those of its issuers may follow in it. */
  readonly cert: string;
  /** PEM file of its private key, not encrypted. */
  readonly key: string;
}

export interface TlsCertificate {
  /** PEM, as Node's TLS takes them. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Whether it is for this host name or IP address. */
  isFor(host: string): boolean;
  /** First of the host names that it is for; undefined if it has none without a wildcard. */
  readonly firstName: string | undefined;
}

/** Rejects with UserError 'tls-file' or 'tls-mismatch', which names the file. */
export async function readTlsCertificate(files: TlsFiles): Promise<TlsCertificate> {
  const cert = await read(files.cert);
  const key = await read(files.key);
  const certificate = parseCertificate(files.cert, cert);
  if (!certificate.checkPrivateKey(parseKey(files.key, key))) {
    throw new UserError({
      code: 'tls-mismatch',
      message: `The private key in ${files.key} is not the one of the certificate in ${files.cert}.`,
      hint: 'Give the two files that were made together.',
    });
  }
  const names = certificate.subjectAltName ?? '';
  return {
    ...{ cert, key },
    isFor: (host) =>
      (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined,
    firstName: /(?:^|, )DNS:([^,*"]+)(?:,|$)/.exec(names)?.[1],
  };
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(
      code === 'ENOENT'
        ? { code: 'tls-file', message: `The file ${path} does not exist.` }
        : { code: 'tls-file', message: `${path} cannot be read (${code ?? message}).` },
      { cause: error },
    );
  }
}

function parseCertificate(path: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new UserError(
      {
        code: 'tls-file',
        message: `${path} is not a certificate in PEM format.`,
        hint: 'Its first certificate begins with the line "-----BEGIN CERTIFICATE-----".',
      },
      { cause: error },
    );
  }
}

function parseKey(path: string, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new UserError(
      {
        code: 'tls-file',
        message: `${path} is not a private key in PEM format that can be read without a passphrase.`,
        hint: 'openssl pkey -in FILE -out NEW takes the passphrase off a key.',
      },
      { cause: error },
    );
  }
}
