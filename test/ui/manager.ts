/** `npm start -- --no-open --port 0` with a library of its own, as a newcomer runs it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
/** A build may come first. */
const startMs = 300_000;
const stopMs = 20_000;

const newHome = (): string => mkdtempSync(path.join(tmpdir(), 'guesthouse-ui-'));

export class Manager implements AsyncDisposable {
  readonly home: string;
  /** With the access token. */
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(home: string, url: string, child: ChildProcess) {
    this.home = home;
    this.url = url;
    this.#child = child;
  }

  static start(home = newHome()): Promise<Manager> {
    const build = process.env.UI_NO_BUILD ? ['--no-build'] : [];
    return Manager.#run(home, ['main/start.ts', '--no-open', '--port', '0', ...build]);
  }

  /** `guesthouse serve` with a certificate; the window must have been built. */
  static startWithTls(cert: string, key: string): Promise<Manager> {
    const tls = ['--tls-cert', cert, '--tls-key', key];
    return Manager.#run(newHome(), ['main/cli/main.js', 'serve', '--port', '0', ...tls]);
  }

  static async #run(home: string, command: readonly string[]): Promise<Manager> {
    const child = spawn(process.execPath, command, {
      cwd: root,
      env: { ...process.env, GUESTHOUSE_HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    const url = await new Promise<string>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${why}\n${said}`));
      const timer = setTimeout(() => fail('The manager printed no address.'), startMs);
      const listen = (bytes: Buffer) => {
        said += bytes.toString();
        const address = /https?:\S+#token=\S+/.exec(said);
        if (!address) return;
        clearTimeout(timer);
        resolve(address[0]);
      };
      child.stdout.on('data', listen);
      child.stderr.on('data', listen);
      child.on('exit', (code) => fail(`The manager exited with code ${code}.`));
    });
    return new Manager(home, url, child);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), stopMs);
    await gone;
    clearTimeout(killer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}
