import { StateError, type VersionedState } from '../../bus/types.ts';

type Check = (value: unknown) => boolean;

export const isCount: Check = (v) => Number.isSafeInteger(v) && (v as number) >= 0;
export const isFlag: Check = (v) => typeof v === 'boolean';
export const isBits: Check = (v) => typeof v === 'bigint' && v >= 0n;
export const isBytes: Check = (v) => v instanceof Uint8Array;
export const isListOf =
  (check: Check): Check =>
  (v) =>
    Array.isArray(v) && v.every(check);
export const isState: Check = (v) =>
  typeof v === 'object' && v !== null && isCount((v as VersionedState).version);

/** The data of a saved state after a check of its version and fields; throws StateError. */
export function takeState<T extends object>(
  what: string,
  state: VersionedState,
  version: number,
  shape: { readonly [K in keyof T]: Check },
): T {
  if (state.version !== version)
    throw new StateError(
      `${what}: saved state of version ${state.version}; this build takes version ${version}.`,
    );
  const data = state.data as Partial<T> | null | undefined;
  for (const key of Object.keys(shape) as (keyof T & string)[])
    if (data === null || data === undefined || !shape[key](data[key]))
      throw new StateError(`${what}: the saved state's field "${key}" is missing or damaged.`);
  return data as T;
}
