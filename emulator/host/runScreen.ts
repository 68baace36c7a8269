/** What `guesthouse run` does with the screen and the keyboard: screenshots, keys, the text at the end. */
import type { InputEvent } from '../../shared/input/inputEvent.ts';
import { strokeEvents, type Stroke } from '../../shared/input/typing.ts';
import type { TimedKeys, TimedScreenshot } from '../../shared/vm/machineRequest.ts';
import type { Display } from '../devices/display/display.ts';
import { writeScreenshot } from './screenshot.ts';

const strokeMs = 30;

export interface RunScreenParts {
  readonly input: (event: InputEvent) => void;
  readonly display: Display | undefined;
  readonly complain: (line: string) => void;
}

export class RunScreen {
  readonly #display: Display | undefined;
  readonly #input: (event: InputEvent) => void;
  readonly #complain: (line: string) => void;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #waiting = new Set<TimedScreenshot>();
  readonly #writes: Promise<void>[] = [];

  constructor({ input, display, complain }: RunScreenParts) {
    this.#input = input;
    this.#display = display;
    this.#complain = complain;
  }

  /** Starts counting the seconds of the options. */
  start(screenshots: readonly TimedScreenshot[], keys: readonly TimedKeys[]): void {
    for (const { strokes, atSeconds = 0 } of keys)
      this.#timers.push(setTimeout(() => this.#type(strokes), atSeconds * 1000));
    for (const screenshot of screenshots) {
      this.#waiting.add(screenshot);
      if (screenshot.atSeconds === undefined) continue;
      this.#timers.push(setTimeout(() => this.#take(screenshot), screenshot.atSeconds * 1000));
    }
  }

  /** Takes the screenshots that are still to be taken; resolves when all are written. */
  async finish(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const screenshot of this.#waiting) {
      if (screenshot.atSeconds !== undefined)
        this.#complain(`${screenshot.path} shows the end: the run was shorter.`);
      this.#take(screenshot);
    }
    await Promise.all(this.#writes);
  }

  /** The line of the text-mode screen that contains this. */
  lineWith(text: string): string | undefined {
    return this.#display?.text()?.find((row) => row.includes(text));
  }

  /** The text-mode screen, or undefined after saying why there is none. */
  text(): string | undefined {
    const rows = this.#display?.text();
    if (rows !== undefined) return rows.join('\n').trimEnd() + '\n';
    const { width = 0, height = 0 } = this.#display?.refresh() ?? {};
    this.#complain(
      this.#display === undefined
        ? 'there is no screen text: the machine has no graphics card.'
        : `there is no screen text: the screen shows graphics (${width}×${height}) or is dark; use --screenshot.`,
    );
    return undefined;
  }

  /** Key by key, no faster than a guest can read its keyboard. */
  #type(strokes: readonly Stroke[]): void {
    const [first, ...rest] = strokes;
    if (first === undefined) return;
    for (const event of strokeEvents(first)) this.#input(event);
    this.#timers.push(setTimeout(() => this.#type(rest), strokeMs));
  }

  #take(screenshot: TimedScreenshot): void {
    this.#waiting.delete(screenshot);
    if (this.#display === undefined) return;
    this.#writes.push(
      writeScreenshot(this.#display, screenshot.path).catch((error: unknown) =>
        this.#complain((error as Error).message),
      ),
    );
  }
}
