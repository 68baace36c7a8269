import type { ImageCheck } from './blockImage.ts';

const mostTold = 100;

/** Collects what a check finds. */
export class CheckReport {
  readonly #errors: string[] = [];
  readonly #repaired: string[] = [];
  errorCount = 0;
  leakedBytes = 0;
  #repairedErrors = 0;
  #freedBytes = 0;

  error(what: string): void {
    this.errorCount++;
    if (this.#errors.length < mostTold) this.#errors.push(what);
  }

  /** The error that was reported last is none any more. */
  repaired(what: string): void {
    this.#repairedErrors++;
    this.#errors.pop();
    if (this.#repaired.length < mostTold) this.#repaired.push(what);
  }

  freed(bytes: number): void {
    this.#freedBytes += bytes;
  }

  result(): ImageCheck {
    const repaired = [...this.#repaired];
    if (this.#freedBytes > 0) repaired.push(`freed ${this.#freedBytes} bytes that nothing used`);
    return {
      errors: this.#errors,
      errorCount: this.errorCount - this.#repairedErrors,
      leakedBytes: this.leakedBytes - this.#freedBytes,
      repaired,
    };
  }
}
