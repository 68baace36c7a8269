import type { BranchHint } from './functionBuilder.ts';
import type { ValueType } from './wasmOpcodes.ts';
import { WasmWriter } from './wasmWriter.ts';

export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

interface FunctionImport {
  readonly module: string;
  readonly name: string;
  readonly type: number;
}
interface Body {
  readonly type: number;
  /** Locals after the parameters, as runs of one type. */
  readonly locals: readonly (readonly [count: number, type: ValueType])[];
  readonly code: Uint8Array;
  /** In the order of their positions in `code`. */
  readonly hints?: readonly BranchHint[];
  /** Place in the table that it goes into as the module is instantiated. */
  readonly slot?: number;
}

/**
 * A module over one imported shared memory and one imported function table.
 */
export class WasmModule {
  readonly #types: FunctionType[] = [];
  readonly #imports: FunctionImport[] = [];
  readonly #bodies: Body[] = [];
  readonly #maximumPages: number;

  /** `maximumPages`: limit of the shared memory it is given, in 64 KiB pages. */
  constructor(maximumPages: number) {
    this.#maximumPages = maximumPages;
  }

  type(type: FunctionType): number {
    const found = this.#types.findIndex(
      (t) =>
        t.parameters.join() === type.parameters.join() && t.results.join() === type.results.join(),
    );
    return found >= 0 ? found : this.#types.push(type) - 1;
  }

  /** Index of an imported function. All imports come before the first body. */
  importFunction(module: string, name: string, type: FunctionType): number {
    if (this.#bodies.length > 0) throw new Error('imports come before functions');
    const at = this.#imports.findIndex((i) => i.module === module && i.name === name);
    if (at >= 0) return at;
    return this.#imports.push({ module, name, type: this.type(type) }) - 1;
  }

  get functionCount(): number {
    return this.#bodies.length;
  }

  /** Adds a function; returns its index in the module's index space. */
  addFunction(body: Body): number {
    return this.#imports.length + this.#bodies.push(body) - 1;
  }

  finish(): Uint8Array<ArrayBuffer> {
    const out = new WasmWriter(64 * 1024);
    out.bytes([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, write: (to: WasmWriter) => void): void => {
      const content = new WasmWriter();
      write(content);
      out.byte(id);
      out.sized(content);
    };
    section(1, (to) => {
      to.u32(this.#types.length);
      for (const type of this.#types) {
        to.byte(0x60);
        to.u32(type.parameters.length);
        to.bytes(type.parameters);
        to.u32(type.results.length);
        to.bytes(type.results);
      }
    });
    section(2, (to) => {
      to.u32(this.#imports.length + 2);
      to.text('env');
      to.text('memory');
      // Limits with maximum, shared.
      to.bytes([0x02, 0x03]);
      to.u32(1);
      to.u32(this.#maximumPages);
      to.text('env');
      to.text('table');
      to.bytes([0x01, 0x70, 0x00]);
      to.u32(0);
      for (const { module, name, type } of this.#imports) {
        to.text(module);
        to.text(name);
        to.byte(0);
        to.u32(type);
      }
    });
    section(3, (to) => {
      to.u32(this.#bodies.length);
      for (const body of this.#bodies) to.u32(body.type);
    });
    section(9, (to) => {
      const inTable = [...this.#bodies.entries()].filter(([, { slot }]) => slot !== undefined);
      to.u32(inTable.length);
      for (const [i, { slot }] of inTable) {
        to.u32(0);
        to.byte(0x41);
        to.s32(slot!);
        to.byte(0x0b);
        to.u32(1);
        to.u32(this.#imports.length + i);
      }
    });
    const locals = this.#bodies.map((body) => {
      const content = new WasmWriter(body.code.length + 64);
      content.u32(body.locals.length);
      for (const [count, type] of body.locals) {
        content.u32(count);
        content.byte(type);
      }
      return content;
    });
    // Hints count from the start of the locals.
    section(0, (to) => {
      to.text('metadata.code.branch_hint');
      const hinted = this.#bodies.flatMap((body, i) => (body.hints?.length ? [i] : []));
      to.u32(hinted.length);
      for (const i of hinted) {
        const hints = this.#bodies[i]!.hints!;
        to.u32(this.#imports.length + i);
        to.u32(hints.length);
        for (const { at, likely } of hints) {
          to.u32(locals[i]!.length + at);
          to.bytes([1, likely ? 1 : 0]);
        }
      }
    });
    section(10, (to) => {
      to.u32(this.#bodies.length);
      this.#bodies.forEach((body, i) => {
        const content = locals[i]!;
        content.bytes(body.code);
        to.sized(content);
      });
    });
    return out.toUint8Array();
  }
}
