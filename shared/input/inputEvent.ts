/** What a user does at a machine's console, as it travels to the machine. */
import { z } from 'zod';

/** 0 left, 1 middle, 2 right, 3 back, 4 forward, as `MouseEvent.button` has it. */
const button = z.int().min(0).max(4);

export const inputEventSchema = z.discriminatedUnion('kind', [
  /** A key by its place (`KeyboardEvent.code`); unknown ones are ignored. The machine repeats held keys. */
  z.object({ kind: z.literal('key'), code: z.string().max(32), down: z.boolean() }),
  /** Relative motion in counts, x to the right and y down. */
  z.object({ kind: z.literal('move'), dx: z.number(), dy: z.number() }),
  /** Where the pointer is on the screen: 0..1 from its left and its upper edge. */
  z.object({ kind: z.literal('point'), x: z.number(), y: z.number() }),
  z.object({ kind: z.literal('button'), button, down: z.boolean() }),
  /** Notches; positive is down and to the right, as in `WheelEvent`. */
  z.object({ kind: z.literal('wheel'), vertical: z.number(), horizontal: z.number() }),
]);
export type InputEvent = z.infer<typeof inputEventSchema>;

/** 'absolute': the guest has a driver for the tablet, so 'point' works; otherwise only 'move' does. */
export type PointerMode = 'relative' | 'absolute';
