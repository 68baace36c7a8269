/**
 * Turns the calls that end handlers into wasm tail calls, which AssemblyScript cannot express, and
 * optimises. Runs at build time under Node (build.ts); not part of the core.
 */
import binaryen from 'assemblyscript/binaryen';

/** Functions whose `return call_indirect(...)` or `return f(rec)` becomes a tail call. */
const CALLERS = /^(generated\/handlers|dispatch|regions|specialHandlers)\//;
const TARGETS = /^dispatch\/(taken|notTaken|ended|arrived|enter)$/;

type Expression = number;

/** `source` is an unoptimised module with its names. Returns the optimised one. */
export function withTailCalls(source: Uint8Array, keepNames: boolean): Uint8Array {
  const module = binaryen.readBinary(source);
  const { Atomics, MutableGlobals, NontrappingFPToInt, SIMD128, BulkMemory, BulkMemoryOpt, SignExt, TailCall } =
    binaryen.Features;
  module.setFeatures(
    Atomics | MutableGlobals | NontrappingFPToInt | SIMD128 | BulkMemory | BulkMemoryOpt | SignExt | TailCall,
  );
  let changed = 0;
  for (let i = 0; i < module.getNumFunctions(); i++) {
    const info = binaryen.getFunctionInfo(module.getFunctionByIndex(i));
    if (info.module === '' && info.body !== 0 && CALLERS.test(info.name)) changed += tail(info.body);
  }
  if (changed < 100) throw new Error(`only ${changed} tail calls found: names changed?`);
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(0);
  binaryen.setDebugInfo(keepNames);
  module.optimize();
  if (!module.validate()) throw new Error('the module with tail calls is not valid');
  const binary = module.emitBinary();
  module.dispose();
  return binary;
}

/** Walks statements; returns how many calls in tail position were changed. */
function tail(expression: Expression): number {
  const info = binaryen.getExpressionInfo(expression);
  switch (info.id) {
    case binaryen.BlockId: {
      const { children } = info as binaryen.BlockInfo;
      return children.reduce((sum: number, child: Expression) => sum + tail(child), 0);
    }
    case binaryen.IfId: {
      const { ifTrue, ifFalse } = info as binaryen.IfInfo;
      return tail(ifTrue) + (ifFalse === 0 ? 0 : tail(ifFalse));
    }
    case binaryen.LoopId:
      return tail((info as binaryen.LoopInfo).body);
    case binaryen.ReturnId:
      return mark((info as binaryen.ReturnInfo).value);
    default:
      return 0;
  }
}

function mark(value: Expression): number {
  if (value === 0) return 0;
  const info = binaryen.getExpressionInfo(value);
  if (info.id === binaryen.CallIndirectId) {
    binaryen.CallIndirect.setReturn(value, true);
    return 1;
  }
  if (info.id === binaryen.CallId && TARGETS.test((info as binaryen.CallInfo).target)) {
    binaryen.Call.setReturn(value, true);
    return 1;
  }
  return 0;
}
