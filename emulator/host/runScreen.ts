/** What `guesthouse run` does with the screen and the keyboard: screenshots, keys, the text at the end. */
import type { TimedScreenshot } from '../../shared/vm/machineRequest.ts';
import type { Display } from '../devices/display/display.ts';
import { writeScreenshot } from './screenshot.ts';

export interface RunScreenParts {
  readonly display: Display | undefined;
  readonly complain: (line: string) => void;
}

export class RunScreen {
  readonly #display: Display | undefined;
  readonly #complain: (line: string) => void;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #waiting = new Set<TimedScreenshot>();
  readonly #writes: Promise<void>[] = [];

  constructor({ display, complain }: RunScreenParts) {
    this.#display = display;
    this.#complain = complain;
  }

  /** Starts counting the seconds of the options. */
  start(screenshots: readonly TimedScreenshot[]): void {
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
