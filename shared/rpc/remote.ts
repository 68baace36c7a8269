/**
 * Calls by name over a Channel (birpc), for any set of functions. Messages from the other side are
 * checked before birpc sees them: a malformed one is dropped, and no name reaches a prototype.
 */
import { createBirpc } from 'birpc';
import { z } from 'zod';
import { UserError } from '../services/errors.ts';
import type { Channel } from './channel.ts';
import { errorFromWire, errorToWire } from './wireError.ts';

type AnyFunction = (...args: never[]) => unknown;
export type FunctionTable = ReadonlyMap<string, AnyFunction>;

export interface Remote {
  /** Rejects with UserError: the other side's, or code 'disconnected'. */
  call(name: string, args: readonly unknown[]): Promise<unknown>;
  /** Fire and forget. */
  notify(name: string, args: readonly unknown[]): void;
}

const messageSchema = z.union([
  z.object({
    t: z.literal('q'),
    i: z.string().max(64).optional(),
    m: z.string().max(200),
    a: z.array(z.unknown()),
  }),
  z.object({
    t: z.literal('s'),
    i: z.string().max(64),
    r: z.unknown().optional(),
    e: z.unknown().optional(),
  }),
]);

interface WireMessage {
  t: string;
  i?: string;
  e?: unknown;
}

/** What is left out at the end stays so: MessagePack has no undefined and would send null. */
const given = (args: readonly unknown[]): unknown[] =>
  args.slice(0, args.findLastIndex((value) => value !== undefined) + 1);

/** `functions` answer the other side. Calls wait without limit: a closed channel ends them. */
export function connectRemote(channel: Channel, functions: FunctionTable): Remote {
  let disconnected: UserError | undefined;
  const rpc = createBirpc<Record<string, AnyFunction>, object, false>(
    {},
    {
      proxify: false,
      timeout: -1,
      post: (message: unknown) => channel.post(message),
      on: (receive) => channel.onMessage((message) => receiveChecked(receive, message)),
      resolver: (name) => functions.get(name) as ((...args: unknown[]) => unknown) | undefined,
      serialize: (message: WireMessage): unknown =>
        message.e === undefined ? message : { ...message, e: errorToWire(message.e) },
      deserialize: (message: WireMessage): unknown =>
        message.t === 's' && message.e !== undefined && message.e !== null
          ? { ...message, e: errorFromWire(message.e) }
          : message,
    },
  );
  channel.onClose((reason) => {
    disconnected = new UserError({ code: 'disconnected', message: reason });
    rpc.$close(disconnected);
  });
  return {
    call: async (name, args) => {
      if (disconnected) throw disconnected;
      return rpc.$callRaw({ method: name, args: given(args) });
    },
    notify: (name, args) => {
      if (!disconnected)
        rpc.$callRaw({ method: name, args: given(args), event: true }).catch(() => undefined);
    },
  };
}

function receiveChecked(receive: (message: unknown) => unknown, message: unknown): void {
  const parsed = messageSchema.safeParse(message);
  if (!parsed.success) return;
  // A failure to answer means that the channel broke; its close handler tells.
  Promise.resolve(receive(parsed.data)).catch(() => undefined);
}
