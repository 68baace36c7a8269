import type { ServiceMap } from '../../shared/rpc/serviceContract.ts';

/**
 * Takes the machines through the computer's sleep: those that run are paused before it, so that their time stands still
 * as the computer's does, and go on after it. Those that a person has paused stay so.
 */
export class SleepKeeper {
  readonly #services: Pick<ServiceMap, 'library' | 'session'>;
  readonly #asleep = new Set<string>();
  #turn: Promise<void> = Promise.resolve();

  constructor(services: Pick<ServiceMap, 'library' | 'session'>) {
    this.#services = services;
  }

  suspend(): Promise<void> {
    return this.#next(async ({ library, session }) => {
      const running = (await library.list()).filter(({ state }) => state === 'running');
      await Promise.allSettled(
        running.map(async ({ id }) => {
          await session.pause(id);
          this.#asleep.add(id);
        }),
      );
    });
  }

  resume(): Promise<void> {
    return this.#next(async ({ library, session }) => {
      const paused = (await library.list()).filter(
        ({ id, state }) => state === 'paused' && this.#asleep.has(id),
      );
      this.#asleep.clear();
      await Promise.allSettled(paused.map(({ id }) => session.resume(id)));
    });
  }

  /** One after the other: the computer may wake while the machines are still being paused. */
  #next(work: (services: Pick<ServiceMap, 'library' | 'session'>) => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(() => work(this.#services)).catch(() => undefined);
    return this.#turn;
  }
}
