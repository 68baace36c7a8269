/** What the host answered to the leader, in order: the follower must ask the same and is told the same. */

/** The follower did something else than the leader. */
export class Divergence extends Error {
  override name = 'Divergence';
}

interface Entry {
  readonly asked: string;
  readonly answer: number;
  /** What devices did to the CPU and its memory meanwhile. */
  readonly effects: (() => void)[];
}

export class Tape {
  #entries: Entry[] = [];
  #position = 0;
  recording = false;

  record(): void {
    this.#entries = [];
    this.#position = 0;
    this.recording = true;
  }

  /** The leader's call `asked`; effects come in while `answer` runs. */
  lead(asked: string, answer: () => number | void): number {
    const effects: (() => void)[] = [];
    if (!this.recording) return Number(answer() ?? 0);
    const at = this.#entries.push({ asked, answer: 0, effects }) - 1;
    const value = Number(answer() ?? 0);
    this.#entries[at] = { asked, answer: value, effects };
    return value;
  }

  /** Something happened to the leader's CPU or memory. */
  effect(apply: () => void): void {
    const last = this.#entries.at(-1);
    if (last === undefined) throw new Error('an effect without a call');
    last.effects.push(apply);
  }

  follow(asked: string): number {
    const entry = this.#entries[this.#position++];
    if (entry?.asked !== asked)
      throw new Divergence(
        `the follower asks the host for "${asked}", the leader asked for ${entry === undefined ? 'nothing' : `"${entry.asked}"`}`,
      );
    for (const apply of entry.effects) apply();
    return entry.answer;
  }

  /** Throws unless the follower has asked for everything that the leader asked for. */
  checkEnd(): void {
    const entry = this.#entries[this.#position];
    if (entry !== undefined)
      throw new Divergence(`the leader asked the host for "${entry.asked}", the follower did not`);
  }
}
