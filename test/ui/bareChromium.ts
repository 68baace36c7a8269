/**
 * A page in Chromium that nobody watches. Playwright has the browser report every WebSocket frame to it, encoded as
 * text, which takes several times longer than showing what is in them; so speed is measured without it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { WebSocket } from 'ws';
import { chromiumArguments, chromiumPath } from './window.ts';

interface Answer {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: unknown }; readonly sessionId?: string };
  readonly error?: { readonly message: string };
}

export class BarePage implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #session: string | undefined;
  #last = 0;

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.#child = child;
    this.#profile = profile;
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const answer = JSON.parse(data.toString()) as Answer;
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
    });
  }

  static async open(url: string): Promise<BarePage> {
    const profile = mkdtempSync(path.join(tmpdir(), 'guesthouse-chromium-'));
    const child = spawn(
      chromiumPath,
      [
        ...chromiumArguments,
        ...['--remote-debugging-port=0', '--window-size=1280,900', `--user-data-dir=${profile}`],
        'about:blank',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const address = await new Promise<string>((resolve, reject) => {
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        const found = /ws:\S+/.exec(said);
        if (found) resolve(found[0]);
      });
      child.on('exit', () => reject(new Error(said)));
    });
    const socket = new WebSocket(address, { perMessageDeflate: false });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const page = new BarePage(child, profile, socket);
    const { result } = await page.send('Target.getTargets', {});
    const targets = (result as { targetInfos?: { targetId: string; type: string }[] }).targetInfos;
    const targetId = targets?.find(({ type }) => type === 'page')?.targetId;
    const attached = await page.send('Target.attachToTarget', { targetId, flatten: true });
    page.#session = attached.result?.sessionId;
    await page.send('Page.navigate', { url });
    return page;
  }

  async send(method: string, params: object): Promise<Answer> {
    const id = ++this.#last;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    this.#socket.send(JSON.stringify({ id, method, params, ...session }));
    const answer = await answered;
    this.#waiting.delete(id);
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer;
  }

  /** The value of an expression in the page; promises are waited for. */
  async evaluate(expression: string): Promise<unknown> {
    const options = { expression, returnByValue: true, awaitPromise: true };
    return (await this.send('Runtime.evaluate', options)).result?.result?.value;
  }

  async waitFor(expression: string, seconds = 60): Promise<void> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
      if (await this.evaluate(expression)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`Not so within ${seconds} s: ${expression}`);
  }

  async press(key: string, code: string): Promise<void> {
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', key, code });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key, code });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
