/**
 * Time that interpreted and translated code take, told apart without a clock in either: each run of the core gives
 * its time and the instructions retired in each tier, and least squares over all runs gives a time per instruction of each.
 */
export class TierTimes {
  /** Sums over runs of squares and products: interpreted, translated, time. */
  #ii = 0;
  #it = 0;
  #tt = 0;
  #iMs = 0;
  #tMs = 0;
  #interpreted = 0;
  #translated = 0;
  #ms = 0;

  add(interpreted: number, translated: number, ms: number): void {
    this.#ii += interpreted * interpreted;
    this.#it += interpreted * translated;
    this.#tt += translated * translated;
    this.#iMs += interpreted * ms;
    this.#tMs += translated * ms;
    this.#interpreted += interpreted;
    this.#translated += translated;
    this.#ms += ms;
  }

  /** Milliseconds in the core, what devices do during runs included; the two tiers' parts are estimates. */
  get(): { readonly running: number; readonly interpreted: number; readonly translated: number } {
    const determinant = this.#ii * this.#tt - this.#it * this.#it;
    if (this.#translated === 0 || determinant <= 1e-9 * this.#ii * this.#tt)
      return this.#split(this.#translated === 0 ? 1 : this.#share(1, 1));
    const perInterpreted = (this.#iMs * this.#tt - this.#tMs * this.#it) / determinant;
    const perTranslated = (this.#tMs * this.#ii - this.#iMs * this.#it) / determinant;
    return this.#split(this.#share(Math.max(0, perInterpreted), Math.max(0, perTranslated)));
  }

  #share(perInterpreted: number, perTranslated: number): number {
    const interpreted = perInterpreted * this.#interpreted;
    const all = interpreted + perTranslated * this.#translated;
    return all === 0 ? 1 : interpreted / all;
  }

  #split(share: number) {
    return {
      running: this.#ms,
      interpreted: this.#ms * share,
      translated: this.#ms * (1 - share),
    };
  }
}
