import type { Socket } from 'node:net';
import type { Channel } from '../../shared/rpc/channel.ts';
import type { ScreenHandover } from '../../shared/rpc/screenSocket.ts';

/** How a process ended: by itself with a code, or by a signal. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One VM's process. */
export interface VmProcess {
  readonly pid: number | undefined;
  /** Speaks shared/vm/vmProtocol.ts. */
  readonly channel: Channel;
  /** Resolves once, after everything it had sent was delivered. */
  readonly exited: Promise<ProcessExit>;
  /** What it wrote to stderr last, for the reason of an abort. */
  lastWords(): string;
  /** Gives it a window's connection to its screen; absent where processes cannot be given connections. */
  takeScreen?(handover: ScreenHandover, socket: Socket): void;
  /** Ends it at once. */
  kill(): void;
}

/** Starts emulator/host/vmProcess.ts: child_process here, utilityProcess under Electron. */
export interface VmProcessStarter {
  /** `label` tells processes apart in the host's task list. */
  start(label: string): VmProcess;
}
