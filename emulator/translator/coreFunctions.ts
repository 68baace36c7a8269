/** What emitted code calls: functions of the core, imported by name from module 'core'. */
import { helperNamed, isInlineHelper } from '../isa/helpers.ts';
import type { RegionSource } from './guestCode.ts';
import type { FunctionType } from './wasmModule.ts';
import { ValueType } from './wasmOpcodes.ts';

const { i32, i64, v128 } = ValueType;
/** Functions of the core that emitted code may call at any place (cpu/core.ts). */
export const coreTypes = {
  readFromRegion: { parameters: [i64, i32], results: [i64] },
  readV128FromRegion: { parameters: [i64], results: [v128] },
  readForWriteFromRegion: { parameters: [i64, i32], results: [i64] },
  writeFromRegion: { parameters: [i64, i64, i32], results: [] },
  writeV128FromRegion: { parameters: [i64, v128], results: [] },
  readStack: { parameters: [i64, i32], results: [i64] },
  writeStack: { parameters: [i64, i64, i32], results: [] },
  probeWrite: { parameters: [i64, i32], results: [] },
  segmentLinear: { parameters: [i32, i64, i32, i32], results: [i64] },
  raise: { parameters: [i32], results: [] },
  raiseWithCode: { parameters: [i32, i32], results: [] },
  codeStillAt: { parameters: [i64, i32], results: [i32] },
  interpretInstead: { parameters: [], results: [] },
  settleFlags: { parameters: [], results: [] },
  storeLazyFlags: { parameters: [i32, i64, i64, i64], results: [] },
  mulHighU64: { parameters: [i64, i64], results: [i64] },
  mulHighS64: { parameters: [i64, i64], results: [i64] },
} as const satisfies Record<string, FunctionType>;

const typeOfWidth = (width: number): ValueType => (width === 128 ? v128 : width === 64 ? i64 : i32);

/** Of a helper that semantics names. */
export function helperType(name: string): FunctionType {
  const { parameters, returns } = helperNamed(name);
  return {
    parameters: parameters.map(typeOfWidth),
    results: returns === undefined ? [] : [typeOfWidth(returns)],
  };
}

/** Helpers that the regions' code calls itself. */
export function helpersOf(sources: readonly RegionSource[]): Set<string> {
  return new Set(
    sources.flatMap(({ blocks }) =>
      blocks.flatMap(({ instructions }) =>
        instructions.flatMap(({ effects }) =>
          effects.byHandler
            ? []
            : effects.helpers.filter((name) => isInlineHelper(helperNamed(name))),
        ),
      ),
    ),
  );
}
