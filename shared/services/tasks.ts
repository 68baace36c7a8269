import type { UserErrorShape } from './errors.ts';

/** Work that takes long, which a person can watch and cancel. */
export interface Task {
  readonly id: string;
  readonly kind: 'clone' | 'convert' | 'resize' | 'gallery' | 'import' | 'export';
  /** What it is about: a VM's name, a file. */
  readonly subject: string;
  /** What is being done now, of kinds that have several steps. */
  readonly step?: string;
  /** Bytes; `total` is 0 while it is not known. */
  readonly done: number;
  readonly total: number;
  readonly state: 'running' | 'done' | 'failed' | 'cancelled';
  /** Why it failed. */
  readonly error?: UserErrorShape;
  /** The VM that it made. */
  readonly vmId?: string;
}

export interface TaskEvents {
  /** All tasks, after any change; progress is told a few times a second. */
  tasksChanged(tasks: Task[]): void;
}

export interface TaskService {
  list(): Promise<Task[]>;
  /** Ends it in order: what it had begun to write is removed. */
  cancel(id: string): Promise<void>;
  /** Forgets a task that has ended. */
  dismiss(id: string): Promise<void>;
}
