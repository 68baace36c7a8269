import { create } from 'zustand';
import type { Task } from '../../../shared/services/tasks.ts';
import type { Connection } from '../../transport/connection.ts';

/** The manager's long work. */
export const useTasks = create<{ readonly tasks: readonly Task[] }>(() => ({ tasks: [] }));

export function followTasks(connection: Connection): void {
  const receive = (tasks: readonly Task[]) => useTasks.setState({ tasks });
  connection.events.on('tasksChanged', receive);
  const load = () => {
    if (connection.state.kind === 'open') connection.tasks.list().then(receive, () => receive([]));
  };
  connection.onState(load);
  load();
}
