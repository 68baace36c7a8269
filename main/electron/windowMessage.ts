import { z } from 'zod';
import { isOwnAddress } from './securityPolicy.ts';

/** What a window asks of the shell. Whatever else it sends is not heard. */
export const windowMessageSchema = z.discriminatedUnion('kind', [
  /** A port to the services. */
  z.strictObject({ kind: z.literal('requestPort') }),
  z.strictObject({ kind: z.literal('openVm'), vmId: z.uuid() }),
  /** Closes the window that asks, without a question. */
  z.strictObject({ kind: z.literal('closeWindow') }),
  z.strictObject({ kind: z.literal('showManager') }),
]);
export type WindowMessage = z.infer<typeof windowMessageSchema>;

export interface SendingFrame {
  readonly url: string;
  /** The frame that it lies in; null of a window's own. */
  readonly parent: unknown;
}

/** The message, if it has the shape of one and comes from a page of ours that is a window's own. */
export function heardMessage(
  frame: SendingFrame | null,
  message: unknown,
): WindowMessage | undefined {
  if (!frame || frame.parent || !isOwnAddress(frame.url)) return undefined;
  return windowMessageSchema.safeParse(message).data;
}
