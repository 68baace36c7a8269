import { useEffect, useState } from 'react';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { figures, summed, type CounterSample, type Figures } from './rates.ts';

/** Two minutes at one a second. */
const most = 120;

interface Watched {
  readonly last?: CounterSample;
  readonly history: readonly Figures[];
}

/**
 * What machines have done since the page was opened, newest last. They are asked every `everyMs` while the page
 * is seen, and not at all otherwise.
 */
export function useFigures(ids: readonly string[], everyMs: number): ReadonlyMap<string, Watched> {
  const { session } = useConnection();
  const [watched, setWatched] = useState<ReadonlyMap<string, Watched>>(new Map());
  const key = ids.join(' ');

  useEffect(() => {
    const wanted = key === '' ? [] : key.split(' ');
    let timer: ReturnType<typeof setTimeout>;
    let stopped = false;
    const ask = async (id: string): Promise<[string, CounterSample] | undefined> => {
      try {
        const values = summed(await session.counters(id));
        return [id, { at: performance.now(), values }];
      } catch {
        // It is just ending, or the connection is away.
        return undefined;
      }
    };
    const look = async (): Promise<void> => {
      if (document.visibilityState === 'visible') {
        const samples = (await Promise.all(wanted.map(ask))).filter((one) => one !== undefined);
        if (stopped) return;
        setWatched((before) => {
          const after = new Map([...before].filter(([id]) => wanted.includes(id)));
          for (const [id, last] of samples) {
            const { last: earlier, history = [] } = after.get(id) ?? {};
            const added = earlier ? [...history, figures(earlier, last)].slice(-most) : history;
            after.set(id, { last, history: added });
          }
          return after;
        });
      }
      if (!stopped) timer = setTimeout(() => void look(), everyMs);
    };
    void look();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [session, key, everyMs]);

  return watched;
}
