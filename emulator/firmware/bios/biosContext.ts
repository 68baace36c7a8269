import type { BiosData } from './biosData.ts';
import type { BiosParts } from './biosMachine.ts';
import type { CallFrame } from './callFrame.ts';
import type { PhysicalMemory } from './physicalMemory.ts';

/** What every service works with. */
export interface BiosContext {
  readonly parts: BiosParts;
  readonly memory: PhysicalMemory;
  readonly data: BiosData;
  /** Ends the rest of a caller that waits, at this machine time. */
  readonly wakeAt: (ns: number) => void;
}

/**
 * A service works on the caller's frame. 'wait' has it called again when the caller polls, after an
 * interrupt; it must not have changed anything. A promise is host I/O that ends in one of these; if
 * the host fails, the machine pauses and the service is called again.
 */
export type ServiceResult = 'done' | 'wait' | Promise<'done' | 'wait'>;
export type Service = (frame: CallFrame) => ServiceResult;

/** IN and OUT as a program does them. */
export const inb = ({ parts }: BiosContext, port: number): number => parts.ports.read(port, 1);
export const outb = ({ parts }: BiosContext, port: number, value: number): void =>
  parts.ports.write(port, 1, value & 0xff);

export const readCmos = (context: BiosContext, index: number): number => {
  outb(context, 0x70, index);
  return inb(context, 0x71);
};
export const writeCmos = (context: BiosContext, index: number, value: number): void => {
  outb(context, 0x70, index);
  outb(context, 0x71, value);
};
