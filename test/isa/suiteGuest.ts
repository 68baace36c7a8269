/**
 * Runs cases on a Vcpu: a small guest (guest/kernel.S) with the suite's windows mapped enters each
 * case in ring 3 and comes back through its own exception handlers. Only the public contract of
 * vCPUs is used, so every engine can be put under test.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { bareHost } from '../../emulator/vcpu/bareHost.ts';
import type { Vcpu, VcpuHost } from '../../emulator/vcpu/vcpu.ts';
import { endTimeout, fxSize, lineSize, memoryImage, windows } from './caseFormat.ts';
import type { Case, Outcome } from './caseFormat.ts';

/** Vectors of our own: what the engine did wrong beyond a wrong result. */
export const endFailure = 252;
export const endKernelFault = 251;

export interface Engine {
  readonly vcpu: Vcpu;
  /** Guest RAM from physical address 0. */
  readonly ram: Uint8Array;
}
export type EngineFactory = (host: VcpuHost, ramBytes: number) => Engine;

const ramBytes = 8 << 20;
const bootTables = 0x1000;
const suiteTables = 0x2000;
const bootGdt = 0x3000;
const freeTables = 0x4000;
const kernelPhysical = 0x100000;
const kernelPages = 0x14;
const kernelLinear = 0xffffffff80000000n;
const mailbox = kernelPhysical + 0x10000;
const result = mailbox + 0x400;
const windowsPhysical = 0x200000;
const suitePort = 0x700;
/** Instructions of a slice; a case that outlives two slices is stopped by an NMI. */
const sliceInstructions = 100_000;

const present = 1n;
const writable = 2n;
const user = 4n;
const large = 0x80n;
const noExecute = 1n << 63n;

/** Assembles the kernel if it is not in the cache; its flat binary. */
export function buildKernel(): Uint8Array {
  const source = fileURLToPath(new URL('guest/kernel.S', import.meta.url));
  const folder = fileURLToPath(new URL('../../.cache/isa/', import.meta.url));
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16);
  const binary = `${folder}kernel-${hash}`;
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const object = `${binary}.${process.pid}.o`;
    const unfinished = `${binary}.${process.pid}`;
    execFileSync('gcc', ['-c', '-o', object, source], { stdio: 'inherit' });
    const link = ['-Ttext=0xffffffff80000000', '--oformat', 'binary', '-o', unfinished, object];
    execFileSync('ld', link, { stdio: 'inherit' });
    renameSync(unfinished, binary);
    rmSync(object);
  }
  return readFileSync(binary);
}

/** As FNINIT and a reset of MXCSR leave it, for cases without an image of their own. */
export const initialFx = ((): Uint8Array => {
  const fx = new Uint8Array(fxSize);
  fx.set([0x7f, 0x03]);
  fx.set([0x80, 0x1f], 24);
  return fx;
})();

export class SuiteGuest {
  readonly #factory: EngineFactory;
  readonly #kernel: Uint8Array;
  readonly #repeat: boolean;
  /** The case in the mailbox is run for the first time, for the engine's sake. */
  #rehearsal = false;
  readonly #image = memoryImage();
  #vcpu!: Vcpu;
  #ram!: Uint8Array;
  #view!: DataView;
  /** Windows as they are now, and as they should be, without the code window. */
  #dataNow!: Uint8Array;
  #queue: readonly Case[] = [];
  #outcomes: Outcome[] = [];
  /** The case in the mailbox has not been entered yet. */
  #ready = false;
  #timedOut = false;
  /** What the engine said about its last failure. */
  lastFailure = '';

  /** With `repeat`, each case runs again after the engine had a look at it, and only that outcome counts. */
  constructor(factory: EngineFactory, kernel: Uint8Array, repeat = false) {
    this.#factory = factory;
    this.#kernel = kernel;
    this.#repeat = repeat;
    this.#start();
  }

  run(cases: readonly Case[]): Outcome[] {
    this.#queue = cases;
    this.#outcomes = [];
    if (cases.length === 0) return [];
    this.#load();
    let stuckAt = -1;
    while (this.#outcomes.length < cases.length) {
      let failure: string | undefined;
      try {
        const exit = this.#vcpu.run(sliceInstructions);
        if (exit.reason === 'failure') failure = exit.detail;
        else if (exit.reason === 'shutdown') failure = 'triple fault';
      } catch (error) {
        failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
      }
      if (this.#outcomes.length === cases.length) break;
      if (failure !== undefined || (this.#timedOut && stuckAt === this.#outcomes.length)) {
        this.lastFailure = failure ?? 'the NMI that should end the case did not arrive';
        this.#outcomes.push({ ...this.#collect(), vector: endFailure });
        this.#start();
        if (this.#outcomes.length < cases.length) this.#load();
        stuckAt = -1;
      } else if (stuckAt === this.#outcomes.length) {
        this.#timedOut = true;
        const message = { destination: 0, logical: false, vector: 2, delivery: 4, level: false };
        this.#vcpu.deliver(message);
      } else stuckAt = this.#outcomes.length;
    }
    return this.#outcomes;
  }

  #start(): void {
    const host = bareHost({
      portRead: (port) => this.#portRead(port),
      portWrite: (port) => this.#portWrite(port),
    });
    const engine = this.#factory(host, ramBytes);
    this.#vcpu = engine.vcpu;
    this.#ram = engine.ram;
    this.#view = new DataView(engine.ram.buffer, engine.ram.byteOffset, engine.ram.length);
    this.#ram.set(this.#image, windowsPhysical);
    this.#dataNow = this.#ram.subarray(
      windowsPhysical + (windows[0]?.size ?? 0),
      windowsPhysical + this.#image.length,
    );
    this.#ram.set(this.#kernel, kernelPhysical);
    this.#writeTables();
    this.#timedOut = false;
    this.#ready = false;
    this.#queueIdle = true;
    this.#vcpu.setEntry({
      mode: 'long64',
      rip: kernelPhysical,
      rsp: kernelPhysical + 0x14000,
      cr3: bootTables,
      gdt: { base: bootGdt, limit: 31 },
    });
    for (let slices = 0; this.#queueIdle; slices++) {
      const exit = this.#vcpu.run(sliceInstructions);
      if (slices > 20 || exit.reason === 'failure' || exit.reason === 'shutdown') {
        const detail = exit.reason === 'failure' ? exit.detail : exit.reason;
        throw new Error(`The suite's guest did not start: ${detail}`);
      }
    }
  }
  #queueIdle = true;

  #writeTables(): void {
    let free = freeTables;
    const entry = (table: number, index: number): number => table + index * 8;
    const map = (root: number, linear: bigint, physical: number, flags: bigint): void => {
      let table = root;
      for (const shift of [39n, 30n, 21n]) {
        const at = entry(table, Number((linear >> shift) & 511n));
        if (this.#view.getBigUint64(at, true) === 0n) {
          this.#view.setBigUint64(at, BigInt(free) | present | writable | user, true);
          free += 4096;
        }
        table = Number(this.#view.getBigUint64(at, true) & 0xffffff000n);
      }
      const at = entry(table, Number((linear >> 12n) & 511n));
      this.#view.setBigUint64(at, BigInt(physical) | flags, true);
    };
    for (const root of [bootTables, suiteTables]) {
      for (let page = 0; page < kernelPages; page++) {
        const linear = kernelLinear + BigInt(page * 4096);
        map(root, linear, kernelPhysical + page * 4096, present | writable);
      }
    }
    // The identity mapping that the kernel starts in.
    this.#view.setBigUint64(entry(bootTables, 0), BigInt(free) | present | writable, true);
    this.#view.setBigUint64(entry(free, 0), BigInt(free + 4096) | present | writable, true);
    this.#view.setBigUint64(entry(free + 4096, 0), present | writable | large, true);
    free += 8192;
    let physical = windowsPhysical;
    for (const window of windows) {
      let flags = present | user;
      if (window.writable) flags |= writable;
      if (!window.executable) flags |= noExecute;
      for (let at = 0; at < window.size; at += 4096) {
        map(suiteTables, BigInt(window.address + at), physical, flags);
        physical += 4096;
      }
    }
    this.#view.setBigUint64(bootGdt + 16, 0x00af9b000000ffffn, true);
    this.#view.setBigUint64(bootGdt + 24, 0x00cf93000000ffffn, true);
  }

  /** Physical address of a linear one inside a window. */
  #physical(address: number): number {
    let physical = windowsPhysical;
    for (const window of windows) {
      if (address >= window.address && address < window.address + window.size) {
        return physical + address - window.address;
      }
      physical += window.size;
    }
    throw new Error(`no window at ${address.toString(16)}`);
  }

  #write(address: number, bytes: Uint8Array): void {
    const physical = this.#physical(address);
    this.#ram.set(bytes, physical);
    this.#vcpu.codeChanged(physical, bytes.length);
  }

  #holds({ address, bytes }: Case['patches'][number]): boolean {
    const at = this.#physical(address);
    return Buffer.compare(this.#ram.subarray(at, at + bytes.length), bytes) === 0;
  }

  #load(): void {
    const test = this.#queue[this.#outcomes.length];
    if (!test) return;
    this.#rehearsal = this.#repeat && !this.#rehearsal;
    // The code stays where it was rehearsed, so that what the engine made of it is used.
    const [code, ...data] = test.patches;
    const keepsCode = this.#repeat && !this.#rehearsal && code !== undefined && this.#holds(code);
    for (const patch of keepsCode ? data : test.patches) this.#write(patch.address, patch.bytes);
    const view = this.#view;
    for (let i = 0; i < 16; i++) view.setBigUint64(mailbox + i * 8, test.gpr[i] ?? 0n, true);
    view.setBigUint64(mailbox + 0x80, BigInt(test.rip), true);
    view.setBigUint64(mailbox + 0x88, test.mode === 64 ? 0x33n : 0x23n, true);
    view.setBigUint64(mailbox + 0x90, BigInt((test.flags & 0xdd5) | 0x202), true);
    this.#ram.set(test.fx ?? initialFx, mailbox + 0x200);
    this.#ready = true;
  }

  #portRead(port: number): number {
    if (port !== suitePort) return 0xff;
    this.#queueIdle = false;
    if (!this.#ready) {
      this.#vcpu.requestExit();
      return 0;
    }
    this.#ready = false;
    return 1;
  }

  #portWrite(port: number): void {
    if (port !== suitePort || this.#outcomes.length >= this.#queue.length) return;
    if (this.#rehearsal) {
      this.#collect();
      this.#load();
      this.#vcpu.requestExit();
      return;
    }
    this.#outcomes.push(this.#collect());
    if (this.#outcomes.length < this.#queue.length) this.#load();
    else this.#vcpu.requestExit();
  }

  #collect(): Outcome {
    const view = this.#view;
    const test = this.#queue[this.#outcomes.length];
    const gpr = new BigUint64Array(16);
    for (let i = 0; i < 16; i++) gpr[i] = view.getBigUint64(result + i * 8, true);
    const selectorOffsets = [0x98, 0xb0, 0xc0, 0xc8, 0xd0, 0xd8];
    const selectors = Uint16Array.from(selectorOffsets, (at) => view.getUint16(result + at, true));
    let vector = view.getUint8(result + 0x80);
    if ((selectors[0] ?? 0) === 0x10) vector = endKernelFault;
    if (this.#timedOut && vector === 2) vector = endTimeout;
    this.#timedOut = false;
    const outcome: Outcome = {
      vector,
      errorCode: view.getUint32(result + 0x88, true),
      cr2: view.getBigUint64(result + 0xb8, true),
      rip: view.getBigUint64(result + 0x90, true),
      flags: view.getUint32(result + 0xa0, true),
      gpr,
      selectors,
      fsBase: view.getBigUint64(result + 0xe0, true),
      gsBase: view.getBigUint64(result + 0xe8, true),
      fx: test?.fx ? this.#ram.slice(result + 0x200, result + 0x200 + fxSize) : undefined,
      lines: new Map(),
    };
    this.#collectLines(outcome.lines);
    for (const patch of this.#rehearsal ? [] : (test?.patches ?? [])) {
      if (patch === test?.patches[0])
        this.#write(
          patch.address,
          patch.bytes.map(() => 0xcc),
        );
    }
    return outcome;
  }

  /** Changed lines of the data windows; they are put back. */
  #collectLines(lines: Map<number, Uint8Array>): void {
    const codeSize = windows[0]?.size ?? 0;
    const expected = this.#image.subarray(codeSize);
    if (Buffer.compare(this.#dataNow, expected) === 0) return;
    let at = 0;
    for (const window of windows.slice(1)) {
      const now = this.#dataNow.subarray(at, at + window.size);
      const before = expected.subarray(at, at + window.size);
      if (Buffer.compare(now, before) !== 0) {
        for (let line = 0; line < window.size; line += lineSize) {
          const bytes = now.subarray(line, line + lineSize);
          const original = before.subarray(line, line + lineSize);
          if (Buffer.compare(bytes, original) === 0) continue;
          lines.set(window.address + line, bytes.slice());
          this.#write(window.address + line, original);
        }
      }
      at += window.size;
    }
  }
}
