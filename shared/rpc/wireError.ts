import { UserError, type UserErrorShape } from '../services/errors.ts';

/** A UserError on the wire; any other error becomes code 'internal' without its stack. */
export function errorToWire(error: unknown): UserErrorShape {
  if (error instanceof UserError) {
    return error.hint === undefined
      ? { code: error.code, message: error.message }
      : { code: error.code, message: error.message, hint: error.hint };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal', message: `Something unexpected went wrong: ${message}` };
}

export function errorFromWire(wire: unknown): UserError {
  const { code, message, hint } = (wire ?? {}) as Partial<Record<keyof UserErrorShape, unknown>>;
  const shape = {
    code: typeof code === 'string' ? code : 'internal',
    message: typeof message === 'string' ? message : 'The other side failed without saying why.',
  };
  return new UserError(typeof hint === 'string' ? { ...shape, hint } : shape);
}
