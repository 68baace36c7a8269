import type { VersionedState } from './types.ts';
import { StateError } from './types.ts';

/**
 * The data of a saved state, after checking it against what the device itself would save now
 * (same version, same fields, same kinds of values; arrays may differ in length, typed arrays
 * may not). A field that can be absent is therefore saved as a value of the same kind, such as -1.
 */
export function checkedState<T>(
  id: string,
  state: VersionedState,
  own: { readonly version: number; readonly data: T },
): T {
  if (state.version !== own.version) {
    throw new StateError(
      `${id}: saved state has version ${state.version}, this build takes ${own.version}`,
    );
  }
  const mismatch = difference(state.data, own.data, 'data');
  if (mismatch !== undefined) throw new StateError(`${id}: saved state is damaged at ${mismatch}`);
  return state.data as T;
}

function difference(saved: unknown, own: unknown, path: string): string | undefined {
  if (typeof saved !== typeof own) return path;
  if (typeof own !== 'object' || own === null)
    return (own === null) === (saved === null) ? undefined : path;
  if (saved === null) return path;
  if (ArrayBuffer.isView(own)) {
    return ArrayBuffer.isView(saved) &&
      saved.constructor === own.constructor &&
      saved.byteLength === own.byteLength
      ? undefined
      : path;
  }
  if (Array.isArray(own)) {
    if (!Array.isArray(saved)) return path;
    if (own.length === 0) return undefined;
    for (let i = 0; i < saved.length; i++) {
      const found = difference(saved[i], own[Math.min(i, own.length - 1)], `${path}[${i}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const savedFields = saved as Record<string, unknown>;
  for (const [key, value] of Object.entries(own)) {
    const found = difference(savedFields[key], value, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A timer's deadline in a saved state: -1 when it is not armed. */
export const savedDeadline = (timer: { readonly deadlineNs: number | undefined }): number =>
  timer.deadlineNs ?? -1;

export function loadDeadline(
  timer: { arm(atNs: number): void; cancel(): void },
  deadlineNs: number,
): void {
  if (deadlineNs < 0) timer.cancel();
  else timer.arm(deadlineNs);
}
