/** The wire between the 8042 and what is plugged into it (IBM PS/2 technical reference). */
import type { Device } from '../../bus/types.ts';

export interface Ps2Device extends Device {
  /** A byte from the host: a command or the argument of one. */
  receive(byte: number): void;
  /** The next byte for the host, if there is one. */
  take(): number | undefined;
  /** There is a byte to take. */
  readonly waiting: boolean;
  /** Called when there is a byte to take where there was none. Set by the controller. */
  onWaiting: () => void;
}

/** Bytes on their way to the host: answers go before what the user does. */
export class Ps2Output {
  #answers: number[] = [];
  #events: number[] = [];
  #last = 0;
  readonly #capacity: number;
  onWaiting: () => void = () => undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get waiting(): boolean {
    return this.#answers.length + this.#events.length > 0;
  }
  /** Bytes of events that nobody has taken. */
  get eventBytes(): number {
    return this.#events.length;
  }

  answer(...bytes: number[]): void {
    this.#answers.push(...bytes);
    if (this.#answers.length > 64) this.#answers.splice(0, this.#answers.length - 64);
    this.onWaiting();
  }

  /** False if there was no room: nothing of the event is sent then. */
  event(bytes: readonly number[]): boolean {
    if (this.#events.length + bytes.length > this.#capacity) return false;
    this.#events.push(...bytes);
    if (bytes.length > 0) this.onWaiting();
    return true;
  }

  take(): number | undefined {
    const byte = this.#answers.shift() ?? this.#events.shift();
    if (byte !== undefined) this.#last = byte;
    return byte;
  }

  /** Sends the last byte again. */
  resend(): void {
    this.answer(this.#last);
  }

  /** Answers that were not taken are void once a new command comes. */
  dropAnswers(): void {
    this.#answers = [];
  }
  dropEvents(): void {
    this.#events = [];
  }

  reset(): void {
    this.#answers = [];
    this.#events = [];
    this.#last = 0;
  }

  save() {
    return { answers: [...this.#answers], events: [...this.#events], last: this.#last };
  }
  load(state: ReturnType<Ps2Output['save']>): void {
    this.#answers = [...state.answers];
    this.#events = [...state.events];
    this.#last = state.last;
  }
}
