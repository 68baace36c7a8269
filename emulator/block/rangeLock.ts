/**
 * Turns of overlapping requests: reads and overwrites in place share a range, what changes where
 * data lies has it alone. Each waits only for those that came before it, so there is no deadlock.
 */
interface Turn {
  readonly start: number;
  readonly end: number;
  readonly alone: boolean;
  ended: Promise<void> | undefined;
  finish: (() => void) | undefined;
}

export class RangeLock {
  readonly #turns = new Set<Turn>();

  /** Nobody has a part of the range alone or waits for that: what ends at once can share it without a turn. */
  isShareable(start: number, end: number): boolean {
    for (const turn of this.#turns)
      if (turn.alone && turn.start < end && start < turn.end) return false;
    return true;
  }

  /** Resolves with the function that gives the range back. */
  async take(start: number, end: number, alone: boolean): Promise<() => void> {
    let before: Promise<void>[] | undefined;
    for (const turn of this.#turns)
      if ((turn.alone || alone) && turn.start < end && start < turn.end) {
        turn.ended ??= new Promise((resolve) => (turn.finish = resolve));
        (before ??= []).push(turn.ended);
      }
    const turn: Turn = { start, end, alone, ended: undefined, finish: undefined };
    this.#turns.add(turn);
    if (before !== undefined) await Promise.all(before);
    return () => {
      this.#turns.delete(turn);
      turn.finish?.();
    };
  }
}

/** One thing after the other. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Nothing runs or waits: what can be done at once needs no turn. */
  get idle(): boolean {
    return this.#waiting === 0;
  }

  run<T>(work: () => T | Promise<T>): Promise<T> {
    this.#waiting++;
    const result = this.#last.then(work);
    const ended = (): void => void this.#waiting--;
    this.#last = result.then(ended, ended);
    return result;
  }
}
