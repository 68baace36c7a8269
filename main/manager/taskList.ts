/** The long work of a manager. Tasks that have ended stay until they are dismissed, but for the oldest. */
import { randomUUID } from 'node:crypto';
import { UserError } from '../../shared/services/errors.ts';
import type { Task, TaskService } from '../../shared/services/tasks.ts';

const toldEveryMs = 200;
const mostEnded = 20;

export interface TaskWatch {
  readonly signal: AbortSignal;
  progress(done: number, total: number): void;
  step(step: string): void;
}

interface Entry {
  task: Task;
  readonly abort: AbortController;
}

export class TaskList implements TaskService {
  private readonly entries = new Map<string, Entry>();
  private readonly tell: (tasks: Task[]) => void;
  private pending: NodeJS.Timeout | undefined;
  private readonly running = new Set<Promise<void>>();

  constructor(tell: (tasks: Task[]) => void) {
    this.tell = tell;
  }

  /** Begins work and returns at once with the task. What `work` rejects with is the task's error. */
  run(
    about: Pick<Task, 'kind' | 'subject'>,
    work: (watch: TaskWatch) => Promise<Pick<Task, 'vmId'> | void>,
  ): Task {
    const abort = new AbortController();
    const id = randomUUID();
    const entry: Entry = { abort, task: { ...about, id, done: 0, total: 0, state: 'running' } };
    this.entries.set(id, entry);
    const change = (changes: Partial<Task>, now = false): void => {
      entry.task = { ...entry.task, ...changes };
      this.tellSoon(now);
    };
    const ended = work({
      signal: abort.signal,
      progress: (done, total) => change({ done, total }),
      step: (step) => change({ step, done: 0, total: 0 }),
    }).then(
      (result) => change({ ...(result ?? {}), state: 'done' }, true),
      (error: unknown) =>
        change(
          abort.signal.aborted
            ? { state: 'cancelled' }
            : { state: 'failed', error: shapeOf(error) },
          true,
        ),
    );
    this.running.add(ended);
    void ended.then(() => this.running.delete(ended));
    this.forgetOldest();
    this.tellSoon(true);
    return entry.task;
  }

  list(): Promise<Task[]> {
    return Promise.resolve(this.all());
  }

  cancel(id: string): Promise<void> {
    this.find(id).abort.abort();
    return Promise.resolve();
  }

  dismiss(id: string): Promise<void> {
    if (this.find(id).task.state === 'running') {
      throw new UserError({
        code: 'task-running',
        message: 'This is still being done.',
        hint: 'Cancel it first.',
      });
    }
    this.entries.delete(id);
    this.tellSoon(true);
    return Promise.resolve();
  }

  /** Cancels what runs; resolves when all of it has ended. */
  async close(): Promise<void> {
    for (const { abort } of this.entries.values()) abort.abort();
    await Promise.all(this.running);
    clearTimeout(this.pending);
  }

  private find(id: string): Entry {
    const entry = this.entries.get(id);
    if (entry) return entry;
    throw new UserError({ code: 'no-such-task', message: 'There is no such task any more.' });
  }

  private all(): Task[] {
    return [...this.entries.values()].map(({ task }) => task);
  }

  private tellSoon(now: boolean): void {
    if (now) {
      clearTimeout(this.pending);
      this.pending = undefined;
      return this.tell(this.all());
    }
    this.pending ??= setTimeout(() => {
      this.pending = undefined;
      this.tell(this.all());
    }, toldEveryMs);
  }

  private forgetOldest(): void {
    const ended = [...this.entries.values()].filter(({ task }) => task.state !== 'running');
    for (const { task } of ended.slice(0, -mostEnded)) this.entries.delete(task.id);
  }
}

function shapeOf(error: unknown): NonNullable<Task['error']> {
  if (!(error instanceof UserError))
    return { code: 'failed', message: error instanceof Error ? error.message : String(error) };
  const { code, message, hint } = error;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}
