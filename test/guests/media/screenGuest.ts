/** A machine as `guesthouse run` builds it, watched through its screen and driven by its keyboard. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CharacterBackend } from '../../../emulator/backends/character.ts';
import { buildMachine, type BuiltMachine } from '../../../emulator/host/buildMachine.ts';
import type { MachineEnd } from '../../../emulator/machine/machine.ts';
import { parseKeys, strokeEvents } from '../../../shared/input/typing.ts';
import { machineRequestSchema, type MachineRequest } from '../../../shared/vm/machineRequest.ts';
import type { z } from 'zod';
import { samePicture, type RgbPicture } from './rgbPicture.ts';

const lookMs = 50;
/** Comparing pictures takes time that the guest, on the same thread, would use. */
const comparePicturesMs = 400;

export class ScreenGuest implements AsyncDisposable {
  readonly #built: BuiltMachine;
  readonly #failures: string[];
  readonly #started = performance.now();
  readonly serial: SerialText;
  end: MachineEnd | undefined;

  private constructor(built: BuiltMachine, serial: SerialText, failures: string[]) {
    this.#built = built;
    this.serial = serial;
    this.#failures = failures;
    void built.machine.ended.then((end) => (this.end = end));
    built.machine.start();
  }

  static async start(
    request: Omit<z.input<typeof machineRequestSchema>, 'memoryMiB' | 'boot'> & {
      memoryMiB?: number;
      boot?: z.input<typeof machineRequestSchema>['boot'];
    },
  ): Promise<ScreenGuest> {
    const checked: MachineRequest = machineRequestSchema.parse({
      memoryMiB: 128,
      boot: {},
      ...request,
    });
    const serial = new SerialText();
    const failures: string[] = [];
    const built = await buildMachine(checked, {
      serial: [serial],
      report: (line) => failures.push(line),
      hostFailure: (message) => failures.push(message),
    });
    return new ScreenGuest(built, serial, failures);
  }

  get machine(): BuiltMachine['machine'] {
    return this.#built.machine;
  }

  get changeMedium(): BuiltMachine['changeMedium'] {
    return this.#built.changeMedium;
  }

  /** Rows of the text screen; empty in graphics modes. */
  text(): string {
    return this.machine.display?.text()?.join('\n').trimEnd() ?? '';
  }

  picture(): RgbPicture {
    const { width, height, pixels } = this.machine.display?.refresh() ?? {
      ...{ width: 0, height: 0 },
      pixels: new Uint32Array(),
    };
    const rgb = new Uint8Array(width * height * 3);
    for (let i = 0; i < width * height; i++) {
      const pixel = pixels[i] as number;
      rgb[3 * i] = pixel;
      rgb[3 * i + 1] = pixel >>> 8;
      rgb[3 * i + 2] = pixel >>> 16;
    }
    return { width, height, rgb };
  }

  /** The text screen as soon as it matches. Fails with what is shown instead. */
  async waitFor(
    pattern: RegExp | string | ((text: string) => boolean),
    seconds: number,
  ): Promise<string> {
    const matches = (text: string): boolean =>
      typeof pattern === 'function'
        ? pattern(text)
        : typeof pattern === 'string'
          ? text.includes(pattern)
          : pattern.test(text);
    let shown = '';
    await this.#until(
      seconds,
      () => matches((shown = this.text())),
      () => `${String(pattern)} to be on the screen, which shows:\n${shown}`,
    );
    return shown;
  }

  async waitForSerial(pattern: RegExp | string, seconds: number): Promise<string> {
    await this.#until(
      seconds,
      () => this.serial.text.search(pattern) >= 0,
      () => `${pattern} on the serial line, which says:\n${this.serial.text.slice(-2000)}`,
    );
    return this.serial.text;
  }

  /** Waits until the screen is the expected picture (samePicture). */
  waitForPicture(expected: RgbPicture, seconds: number): Promise<void> {
    let difference = '';
    return this.#until(
      seconds,
      () => (difference = samePicture(this.picture(), expected)) === '',
      () => `a picture; the difference is ${difference}`,
      comparePicturesMs,
    );
  }

  async waitForEnd(seconds: number): Promise<MachineEnd> {
    await this.#until(
      seconds,
      () => this.end !== undefined,
      () => `the machine to end; the screen shows:\n${this.text()}`,
    );
    return this.end as MachineEnd;
  }

  /** Keys as --sendkeys takes them. */
  async type(text: string): Promise<void> {
    for (const stroke of parseKeys(text)) {
      for (const event of strokeEvents(stroke)) this.machine.input(event);
      await sleep(lookMs);
    }
  }

  async #until(
    seconds: number,
    done: () => boolean,
    wanted: () => string,
    everyMs = lookMs,
  ): Promise<void> {
    const start = performance.now();
    const passed = (since: number): string => ((performance.now() - since) / 1000).toFixed(1);
    while (!done()) {
      const why =
        this.#failures.length > 0
          ? this.#failures.join('\n')
          : performance.now() - start > seconds * 1000
            ? `${seconds} s are over`
            : this.end !== undefined
              ? `the machine has ended (${JSON.stringify(this.end)})`
              : undefined;
      if (why !== undefined) {
        throw new Error(
          `${why}, ${passed(this.#started)} s after the start, while waiting for ${wanted()}`,
        );
      }
      await sleep(everyMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#built.close();
  }
}

class SerialText implements CharacterBackend {
  text = '';
  receive: (bytes: Uint8Array) => void = () => undefined;
  write(bytes: Uint8Array): void {
    this.text += String.fromCharCode(...bytes);
  }
  connect(receiver: { receive(bytes: Uint8Array): void }): void {
    this.receive = (bytes) => receiver.receive(bytes);
  }
}
