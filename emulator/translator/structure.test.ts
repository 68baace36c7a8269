import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Structure, type FlowGraph } from './structure.ts';
import { Op, ValueType, blockVoid } from './wasmOpcodes.ts';
import { WasmModule } from './wasmModule.ts';
import { WasmWriter } from './wasmWriter.ts';

/**
 * Compiles a graph to a function f(entry, seed) that walks it: each node appends its number to the trace in memory
 * and goes on to the successor that the seed's low bit chooses, or to one of four slots by two bits; a node without successors, or 60 steps, end it.
 */
function walker(graph: FlowGraph): (entry: number, seed: number) => number[] {
  const out = new WasmWriter();
  const [entry, seed, count] = [0, 1, 2];
  const target = {
    preheader: () => undefined,
    open: (kind: 'block' | 'loop') => out.bytes([kind === 'loop' ? Op.loop : Op.block, blockVoid]),
    close: () => out.byte(Op.end),
    branch: (depth: number) => {
      out.byte(Op.br);
      out.u32(depth);
    },
    dispatch: (depths: readonly number[]) => {
      out.bytes([Op.localGet, entry, Op.brTable]);
      out.u32(depths.length - 1);
      for (const depth of depths) out.u32(depth);
    },
    setDispatch: (number: number) => {
      out.byte(Op.i32Const);
      out.s32(number);
      out.bytes([Op.localSet, entry]);
    },
    node: (node: number) => {
      out.bytes([Op.localGet, count, Op.i32Const]);
      out.s32(node + 1);
      out.bytes([Op.i32Store8, 0, 0]);
      // count += 1; leave after 60 steps
      out.bytes([Op.localGet, count, Op.i32Const, 1, 0x6a, Op.localTee, count]);
      out.bytes([Op.i32Const, 60, 0x4f, Op.if, blockVoid, Op.return, Op.end]);
      if (graph.choosing.has(node)) {
        out.bytes([Op.localGet, seed, Op.i32Const, 3, 0x71, Op.i32Const]);
        out.s32(structure.entries.length);
        out.bytes([0x6a, Op.localSet, entry]);
        out.bytes([Op.localGet, seed, Op.i32Const, 2, 0x78, Op.localSet, seed]);
        structure.goToSlot();
        return;
      }
      const [first, second] = graph.successors[node]!;
      if (first === undefined) {
        out.byte(Op.return);
        return;
      }
      if (second !== undefined) {
        out.bytes([Op.localGet, seed, Op.localGet, seed, Op.i32Const, 1, 0x78, Op.localSet, seed]);
        out.bytes([Op.i32Const, 1, 0x71, Op.if, blockVoid]);
        structure.enter();
        structure.go(node, second);
        structure.leave();
        out.byte(Op.end);
      }
      structure.go(node, first);
    },
  };
  const structure = new Structure(graph, target);
  structure.emit();
  out.bytes([Op.unreachable, Op.end]);

  const module = new WasmModule(65536);
  const type = module.type({ parameters: [ValueType.i32, ValueType.i32], results: [] });
  module.addFunction({ type, locals: [[1, ValueType.i32]], code: out.toUint8Array(), slot: 0 });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 1 });
  new WebAssembly.Instance(new WebAssembly.Module(module.finish()), { env: { memory, table } });
  const run = table.get(0) as (entry: number, seed: number) => void;
  return (entryNumber, seedValue) => {
    const bytes = new Uint8Array(memory.buffer, 0, 64);
    bytes.fill(0);
    run(entryNumber, seedValue);
    return Array.from(bytes.subarray(0, Math.max(0, bytes.indexOf(0)))).map((n) => n - 1);
  };
}

function walk(graph: FlowGraph, start: number, seed: number): number[] {
  const trace: number[] = [];
  let node = start;
  let bits = seed >>> 0;
  for (;;) {
    trace.push(node);
    if (trace.length === 60) return trace;
    if (graph.choosing.has(node)) {
      node = graph.slots[bits & 3]!;
      bits = ((bits >>> 2) | (bits << 30)) >>> 0;
      continue;
    }
    const [first, second] = graph.successors[node]!;
    if (first === undefined) return trace;
    if (second === undefined) node = first;
    else {
      node = bits & 1 ? second : first;
      bits = ((bits >>> 1) | (bits << 31)) >>> 0;
    }
  }
}

describe('Structure', () => {
  it('walks random graphs, reducible or not, exactly as written', () => {
    const graphs = fc.integer({ min: 1, max: 12 }).chain((size) =>
      fc.record({
        successors: fc.array(fc.array(fc.nat(size - 1), { maxLength: 2 }), {
          minLength: size,
          maxLength: size,
        }),
        entries: fc.uniqueArray(fc.nat(size - 1), { minLength: 1, maxLength: 3 }),
        slots: fc.array(fc.nat(size - 1), { minLength: 4, maxLength: 4 }),
        choosing: fc.uniqueArray(fc.nat(size - 1), { maxLength: 3 }),
      }),
    );
    fc.assert(
      fc.property(graphs, fc.integer(), (random, seed) => {
        const choosing = new Set(random.choosing);
        const graph = { ...random, slots: choosing.size > 0 ? random.slots : [], choosing };
        const run = walker(graph);
        graph.entries.forEach((node, entry) =>
          expect(run(entry, seed)).toEqual(walk(graph, node, seed)),
        );
      }),
      { numRuns: 400 },
    );
  });

  it('needs no dispatcher for a plain loop', () => {
    const graph = {
      successors: [[1], [2, 3], [1], []],
      entries: [0],
      slots: [],
      choosing: new Set<number>(),
    };
    const target = {
      preheader: () => undefined,
      open: () => undefined,
      close: () => undefined,
      branch: () => undefined,
      dispatch: () => undefined,
      setDispatch: () => undefined,
      node: () => undefined,
    };
    const structure = new Structure(graph, target);
    expect(structure.usesDispatcher).toBe(false);
    expect(structure.isLoopHeader(1)).toBe(true);
    expect(structure.isBackEdge(2, 1)).toBe(true);
  });
});
