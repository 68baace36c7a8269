/**
 * Something limited that the guests of a network share: whoever holds less than is left may take another one, so that
 * a guest that is alone gets half of it, and one that floods leaves as much to the others (dynamic
 * thresholds; Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).
 */

/** Whatever tells one guest from another: a port of a switch. */
export type GuestKey = unknown;

export class FairShare {
  readonly #limit: number;
  readonly #held = new Map<GuestKey, number>();
  total = 0;

  /** `alone`: what a guest may hold while no other holds anything. */
  constructor(alone: number) {
    this.#limit = 2 * alone;
  }

  /** Guests that hold something. */
  get holders(): number {
    return this.#held.size;
  }

  held(guest: GuestKey): number {
    return this.#held.get(guest) ?? 0;
  }

  mayTake(guest: GuestKey): boolean {
    return this.held(guest) < this.#limit - this.total;
  }

  take(guest: GuestKey): void {
    this.#held.set(guest, this.held(guest) + 1);
    this.total++;
  }

  give(guest: GuestKey): void {
    const held = this.held(guest);
    if (held > 1) this.#held.set(guest, held - 1);
    else this.#held.delete(guest);
    if (held > 0) this.total--;
  }
}
