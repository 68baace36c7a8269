import type { MachineRequest } from '../../shared/vm/machineRequest.ts';
import type { BlockBackend } from '../backends/block.ts';
import type { CharacterBackend } from '../backends/character.ts';
import type { Machine } from '../machine/machine.ts';

export interface BuildParts {
  readonly serial: readonly CharacterBackend[];
  readonly debugConsole?: CharacterBackend;
  /** A line for the log, worth a person's attention. */
  report(line: string): void;
  /** The machine has paused itself because the host cannot serve it. */
  hostFailure(message: string): void;
}

export interface BuiltMachine {
  readonly machine: Machine;
  /** Ends the machine and closes its disks. */
  close(): Promise<void>;
}
