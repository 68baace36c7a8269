import { z } from 'zod';
import { UserError, type UserErrorShape } from '../services/errors.ts';

const wantedSchema = z.object({ disk: z.string(), folder: z.string() });

/** A UserError on the wire; any other error becomes code 'internal' without its stack. */
export function errorToWire(error: unknown): UserErrorShape {
  if (error instanceof UserError) {
    const { code, message, hint, wanted } = error;
    return { code, message, ...(hint !== undefined && { hint }), ...(wanted && { wanted }) };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal', message: `Something unexpected went wrong: ${message}` };
}

export function errorFromWire(wire: unknown): UserError {
  const { code, message, hint, wanted } = (wire ?? {}) as Partial<
    Record<keyof UserErrorShape, unknown>
  >;
  const shape = {
    code: typeof code === 'string' ? code : 'internal',
    message: typeof message === 'string' ? message : 'The other side failed without saying why.',
  };
  const { data } = wantedSchema.safeParse(wanted);
  return new UserError({
    ...shape,
    ...(typeof hint === 'string' && { hint }),
    ...(data && { wanted: data }),
  });
}
