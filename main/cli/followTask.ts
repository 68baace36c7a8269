import type { Services } from '../../shared/rpc/serviceContract.ts';
import { UserError } from '../../shared/services/errors.ts';
import type { Task } from '../../shared/services/tasks.ts';

/**
 * Shows on a terminal how far a task is and resolves when it is done; Ctrl-C cancels it. Rejects with its error.
 * `lost`: the manager went away.
 */
export async function followTask(
  services: Services,
  begun: Task,
  options: { readonly quiet: boolean; readonly lost: Promise<string> },
): Promise<Task> {
  const shown = process.stderr.isTTY && !options.quiet;
  const cancel = (): void => void services.tasks.cancel(begun.id).catch(() => undefined);
  process.on('SIGINT', cancel);
  process.on('SIGTERM', cancel);
  let stop: () => void = () => undefined;
  try {
    const ended = new Promise<Task>((resolve, reject) => {
      const look = (tasks: readonly Task[]): void => {
        const task = tasks.find(({ id }) => id === begun.id);
        if (task === undefined) return;
        if (task.state !== 'running') return resolve(task);
        const percent = task.total > 0 ? ` ${Math.floor((100 * task.done) / task.total)} %` : '';
        if (shown) process.stderr.write(`\r\x1b[K${task.step ?? task.subject}${percent}`);
      };
      stop = services.events.on('tasksChanged', look);
      services.tasks.list().then(look, reject);
      void options.lost.then((message) => reject(new UserError({ code: 'disconnected', message })));
    });
    const task = await ended;
    if (task.state === 'done') return task;
    if (task.error) throw new UserError(task.error);
    throw new UserError({ code: 'cancelled', message: 'It was cancelled.' });
  } finally {
    stop();
    process.off('SIGINT', cancel);
    process.off('SIGTERM', cancel);
    if (shown) process.stderr.write('\r\x1b[K');
  }
}
