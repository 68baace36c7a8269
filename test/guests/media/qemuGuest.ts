/** The oracle of screens: QEMU's TCG, driven by its monitor protocol (QMP). */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parsePpm, type RgbPicture } from './rgbPicture.ts';

export class QemuGuest implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #socket: Socket;
  readonly #answers: AsyncIterator<string>;

  private constructor(child: ChildProcess, folder: string, socket: Socket) {
    this.#child = child;
    this.#folder = folder;
    this.#socket = socket;
    this.#answers = createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  /** `options` are QEMU's own, without its accelerator, display and monitor. */
  static async start(options: readonly string[]): Promise<QemuGuest> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-qemu-'));
    const monitor = path.join(folder, 'monitor');
    const child = spawn(
      'qemu-system-x86_64',
      [
        ...['-accel', 'tcg', '-display', 'none', '-nic', 'none', ...options],
        ...['-qmp', `unix:${monitor},server,nowait`],
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    while (!existsSync(monitor)) {
      if (child.exitCode !== null) throw new Error(`QEMU ended with ${child.exitCode}`);
      await sleep(20);
    }
    const qemu = new QemuGuest(child, folder, createConnection(monitor));
    await qemu.#command('qmp_capabilities');
    return qemu;
  }

  async picture(): Promise<RgbPicture> {
    const file = path.join(this.#folder, 'screen.ppm');
    await this.#command('screendump', { filename: file });
    const picture = parsePpm(await readFile(file));
    if (picture === undefined) throw new Error('QEMU has written no whole picture');
    return picture;
  }

  /** Waits for characters in the memory of the text modes. */
  async waitForText(wanted: string, seconds: number): Promise<void> {
    const file = path.join(this.#folder, 'text');
    const end = performance.now() + seconds * 1000;
    for (;;) {
      await this.#command('pmemsave', { val: 0xb8000, size: 4000, filename: file });
      const bytes = (await readFile(file)).filter((_, i) => i % 2 === 0);
      const text = String.fromCharCode(...bytes);
      if (text.includes(wanted)) return;
      if (performance.now() > end) throw new Error(`QEMU shows no "${wanted}" but:\n${text}`);
      await sleep(50);
    }
  }

  /** Keys by QEMU's names, pressed one after the other. */
  async press(...keys: string[]): Promise<void> {
    for (const data of keys) {
      await this.#command('send-key', { keys: [{ type: 'qcode', data }] });
      // It holds a key for 100 ms.
      await sleep(150);
    }
  }

  async #command(execute: string, options: object = {}): Promise<void> {
    this.#socket.write(`${JSON.stringify({ execute, arguments: options })}\n`);
    for (;;) {
      const { value, done } = await this.#answers.next();
      if (done) throw new Error(`QEMU has ended at ${execute}`);
      const answer = JSON.parse(value) as { return?: unknown; error?: { desc: string } };
      if (answer.error !== undefined) throw new Error(`${execute}: ${answer.error.desc}`);
      if ('return' in answer) return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    this.#child.kill('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }
}
