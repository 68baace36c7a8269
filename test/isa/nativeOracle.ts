/** Starts native/oracle.c and feeds it batches of cases over pipes. */
import { execFileSync, spawn, type ChildProcessByStdio } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { decodeOutcome, encodeCase, encodedSize, memoryImage } from './caseFormat.ts';
import type { Case, Outcome } from './caseFormat.ts';

const cacheFolder = fileURLToPath(new URL('../../.cache/isa/', import.meta.url));
const compilerFlags = [
  ...['-O2', '-static-pie', '-fPIE', '-ffreestanding', '-nostdlib', '-fno-stack-protector'],
  ...['-mgeneral-regs-only', '-mfsgsbase', '-Wall', '-Wextra'],
];

/** Compiles the oracle if this version of it is not in the cache; gives the program's path. */
export function buildOracle(): string {
  const source = fileURLToPath(new URL('native/oracle.c', import.meta.url));
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16);
  const program = `${cacheFolder}oracle-${hash}`;
  if (existsSync(program)) return program;
  mkdirSync(cacheFolder, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  execFileSync('gcc', [...compilerFlags, '-o', unfinished, source], { stdio: 'inherit' });
  renameSync(unfinished, program);
  return program;
}

export class NativeOracle {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  #received: Buffer[] = [];
  #receivedLength = 0;
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(program: string) {
    this.#process = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#process.stdout.on('data', (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#receivedLength += chunk.length;
      this.#wake?.();
    });
    this.#process.on('exit', () => {
      this.#ended = true;
      this.#wake?.();
    });
    this.#process.stdin.on('error', () => undefined);
    this.#send([memoryImage()]);
  }

  /** Outcomes in the order of the cases. Rejects if the oracle died. */
  async run(cases: readonly Case[]): Promise<Outcome[]> {
    const bytes = new Uint8Array(cases.reduce((sum, test) => sum + encodedSize(test), 0));
    let at = 0;
    for (const test of cases) at += encodeCase(test, bytes, at);
    this.#send([bytes]);
    const length = (await this.#receive(4)).readUInt32LE(0);
    const answer = await this.#receive(length);
    const outcomes: Outcome[] = [];
    for (let cursor = 0; cursor < length;) {
      const { outcome, size } = decodeOutcome(answer, cursor);
      outcomes.push(outcome);
      cursor += size;
    }
    return outcomes;
  }

  close(): void {
    this.#process.stdin.end();
  }

  #send(parts: readonly Uint8Array[]): void {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(parts.reduce((sum, part) => sum + part.length, 0));
    this.#process.stdin.write(length);
    for (const part of parts) this.#process.stdin.write(part);
  }

  async #receive(length: number): Promise<Buffer> {
    while (this.#receivedLength < length) {
      if (this.#ended) throw new Error('The native oracle ended in the middle of a batch.');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const all = this.#received.length === 1 ? this.#received[0]! : Buffer.concat(this.#received);
    const rest = all.subarray(length);
    this.#received = rest.length ? [rest] : [];
    this.#receivedLength = rest.length;
    return all.subarray(0, length);
  }
}
