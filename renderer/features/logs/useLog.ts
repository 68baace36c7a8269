import { useEffect, useState } from 'react';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { explain } from '../notices/noticeStore.ts';

const everyMs = 1000;
/** Older lines are let go of; the file has them. */
const mostLines = 20_000;

export interface Log {
  readonly lines: readonly string[];
  readonly problem?: string;
}

/** A machine's log, which grows while it is looked at. */
export function useLog(vmId: string): Log {
  const { library } = useConnection();
  const [log, setLog] = useState<Log>({ lines: [] });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let stopped = false;
    let from = 0;
    const look = async (): Promise<void> => {
      try {
        const { text, end, restarted } = await library.readLog(vmId, from);
        if (stopped) return;
        from = end;
        const added = text.split('\n').slice(0, -1);
        if (added.length > 0 || restarted)
          setLog(({ lines }) => ({
            lines: [...(restarted ? [] : lines), ...added].slice(-mostLines),
          }));
      } catch (error) {
        if (!stopped) setLog(({ lines }) => ({ lines, problem: explain(error).message }));
      }
      if (!stopped) timer = setTimeout(() => void look(), everyMs);
    };
    void look();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [library, vmId]);
  return log;
}
