/** A guest started by `guesthouse run`, driven through its serial console as a person would. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { readyMarker, shellPrompt } from './busyboxInitramfs.ts';

const cli = path.resolve(import.meta.dirname, '../../main/cli/main.js');

export class GuestConsole implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #listeners = new Set<() => void>();
  readonly #started = performance.now();
  #output = '';
  #errors = '';
  /** Where waitFor goes on reading. */
  #seen = 0;
  #exitCode: number | undefined;
  /** Exit code of `guesthouse run`; 255 if a signal ended it. */
  readonly exited: Promise<number>;

  /** `through`: a command that starts the rest of its line, as `ip netns exec NAME`. */
  constructor(args: readonly string[], through: readonly string[] = []) {
    const [program, ...line] = [...through, process.execPath, cli, 'run', ...args] as [string];
    this.#child = spawn(program, line);
    this.#child.stdout.on('data', (bytes: Buffer) => {
      this.#output += bytes.toString('latin1');
      this.#notify();
    });
    this.#child.stderr.on('data', (bytes: Buffer) => {
      this.#errors += bytes.toString('utf8');
    });
    this.exited = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        this.#exitCode = code ?? 255;
        this.#notify();
        resolve(this.#exitCode);
      });
    });
  }

  /** Everything the guest has written, without terminal control sequences. */
  get output(): string {
    return stripVTControlCharacters(this.#output).replaceAll('\r', '');
  }
  get pid(): number {
    return this.#child.pid ?? 0;
  }
  /** What guesthouse wrote to stderr. */
  get errors(): string {
    return this.#errors;
  }

  /** Text from the last match to the end of this one. Fails with the console's end on exit or time-out. */
  waitFor(pattern: string | RegExp, seconds: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const finish = (action: () => void): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        action();
      };
      const fail = (why: string): void =>
        finish(() =>
          reject(
            new Error(
              `${why} while waiting for ${pattern}, ${((performance.now() - this.#started) / 1000).toFixed(0)} s` +
                ` after the start. The console ends with:\n${this.output.slice(-3000)}\n${this.#errors.slice(-2000)}`,
            ),
          ),
        );
      const look = (): void => {
        const text = this.output;
        const fresh = text.slice(this.#seen);
        const match =
          typeof pattern === 'string'
            ? { index: fresh.indexOf(pattern), length: pattern.length }
            : { index: fresh.search(pattern), length: pattern.exec(fresh)?.[0].length ?? 0 };
        if (match.index >= 0) {
          const end = match.index + match.length;
          this.#seen += end;
          finish(() => resolve(fresh.slice(0, end)));
        } else if (this.#exitCode !== undefined) fail(`The run ended with code ${this.#exitCode}`);
      };
      const timer = setTimeout(() => fail(`${seconds} s passed`), seconds * 1000);
      this.#listeners.add(look);
      look();
    });
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  async waitForShell(seconds: number): Promise<void> {
    await this.waitFor(readyMarker, seconds);
    await this.waitFor(shellPrompt, seconds);
    // The shell would wrap the lines it echoes at 80 columns.
    await this.run('stty cols 1000');
  }

  /** Runs a command in the guest's shell; returns what it printed. Fails if its status is not 0. */
  async run(command: string, seconds = 120): Promise<string> {
    // The quotes keep the marker out of the echoed command line.
    this.type(`${command}; echo "<"status:$?">"\n`);
    const text = await this.waitFor(/<status:\d+>/, seconds);
    await this.waitFor(shellPrompt, seconds);
    const status = /<status:(\d+)>/.exec(text)?.[1];
    const body = text.slice(text.indexOf('\n') + 1, text.lastIndexOf('<status:'));
    if (status !== '0') throw new Error(`"${command}" gave status ${status}:\n${body}`);
    return body.trim();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#exitCode === undefined) this.kill();
    await this.exited;
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
