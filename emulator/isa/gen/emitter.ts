/** Lines of one handler under construction, with the check that faults come before writes. */
import type { Cond, In, Op, V128, Val, Var, Width } from '../dsl.ts';
import type { FormOperand } from '../operands.ts';
import type { Variant } from './variants.ts';

export interface PrintedVal extends Val {
  readonly code: string;
  readonly constant?: bigint;
}
export interface PrintedCond extends Cond {
  readonly code: string;
}
export interface PrintedV128 extends V128 {
  readonly code: string;
}
export interface PrintedVar extends Var {
  readonly code: string;
}
/** An operand, possibly displaced: `offset` is an AssemblyScript expression or undefined. */
export interface PrintedOp extends Op {
  readonly access: FormOperand['access'];
  readonly offset?: string;
  readonly key: string;
}

export const typeOf = (width: Width): string => (width === 64 ? 'u64' : 'u32');
export const maskOf = (width: number): bigint => (1n << BigInt(width)) - 1n;

export class Emitter {
  readonly variant: Variant;
  readonly lines: string[] = [];
  /** Names used from the core: imports of the generated file. */
  readonly uses = new Set<string>();
  private depth = 1;
  private temporaries = 0;
  /** Architectural state was written on this path. */
  private written = false;
  /** This path has returned. */
  private ended = false;
  private scopes: Map<string, string>[] = [new Map()];

  constructor(variant: Variant) {
    this.variant = variant;
  }

  get where(): string {
    const { instruction, form, size, isMemory } = this.variant;
    const operands = form.operands.map((o) => o.spec.name).join(', ');
    return `${instruction.name} ${operands} (${size}${isMemory ? ', memory' : ''})`;
  }

  fail(message: string): never {
    throw new Error(`${this.where}: ${message}`);
  }

  line(text: string): void {
    if (this.ended) return;
    this.lines.push('  '.repeat(this.depth) + text);
  }

  /** Declares a use of an exported function of the core and returns its name. */
  use(name: string): string {
    this.uses.add(name);
    return name;
  }

  temporary(type: string, expression: string): string {
    const name = `t${this.temporaries++}`;
    this.line(`const ${name}: ${type} = ${expression};`);
    return name;
  }

  mutable(type: string, expression: string): string {
    const name = `v${this.temporaries++}`;
    this.line(`let ${name}: ${type} = ${expression};`);
    return name;
  }

  uninitialized(type: string): string {
    const name = `v${this.temporaries++}`;
    this.line(`let ${name}: ${type};`);
    return name;
  }

  indented(body: () => void): void {
    this.depth++;
    body();
    this.depth--;
  }

  val(width: Width, expression: string): PrintedVal {
    return { kind: 'val', width, code: this.temporary(typeOf(width), expression) };
  }

  constant(value: number | bigint, width: Width): PrintedVal {
    const constant = BigInt(value) & maskOf(width);
    return { kind: 'val', width, constant, code: `<${typeOf(width)}>0x${constant.toString(16)}` };
  }

  cond(expression: string): PrintedCond {
    return { kind: 'cond', code: this.temporary('bool', expression) };
  }

  v128(expression: string): PrintedV128 {
    return { kind: 'v128', code: this.temporary('v128', expression) };
  }

  /** Value of an argument, a number taking `width`. */
  in(value: In, width: Width): PrintedVal {
    if (typeof value === 'number' || typeof value === 'bigint') return this.constant(value, width);
    if (value.width !== width) this.fail(`width ${value.width} where ${width} is needed`);
    return value as PrintedVal;
  }

  /** A value of any width as u32 expression (shift counts). */
  asU32(value: In): string {
    if (typeof value === 'number' || typeof value === 'bigint') return `<u32>${value}`;
    const printed = value as PrintedVal;
    return value.width === 64 ? `<u32>${printed.code}` : printed.code;
  }

  asU64(value: In): string {
    if (typeof value === 'number' || typeof value === 'bigint') {
      return this.constant(value, 64).code;
    }
    const printed = value as PrintedVal;
    if (printed.constant !== undefined) return `<u64>0x${printed.constant.toString(16)}`;
    return value.width === 64 ? printed.code : `<u64>${printed.code}`;
  }

  // -- scopes and the fault rule --------------------------------------------------------------

  /** Looks up or computes a value that later code in the same or an inner block may reuse. */
  cached(key: string, compute: () => string): string {
    for (const scope of this.scopes) {
      const found = scope.get(key);
      if (found !== undefined) return found;
    }
    const name = compute();
    this.scopes.at(-1)?.set(key, name);
    return name;
  }

  forget(prefix: string): void {
    for (const scope of this.scopes) {
      for (const key of scope.keys()) if (key.startsWith(prefix)) scope.delete(key);
    }
  }

  isCached(key: string): boolean {
    return this.scopes.some((scope) => scope.has(key));
  }

  block(head: string, body: () => void, tail = '}'): void {
    this.line(head);
    this.depth++;
    this.scopes.push(new Map());
    body();
    this.scopes.pop();
    this.depth--;
    if (tail !== '') this.lines.push('  '.repeat(this.depth) + tail);
  }

  branch(condition: string, then: () => void, otherwise?: () => void): void {
    if (this.ended) return;
    const before = this.written;
    this.block(`if (${condition}) {`, then, otherwise === undefined ? '}' : '} else {');
    const [thenWritten, thenEnded] = [this.written, this.ended];
    this.written = before;
    this.ended = false;
    if (otherwise !== undefined) {
      this.depth++;
      this.scopes.push(new Map());
      otherwise();
      this.scopes.pop();
      this.depth--;
      this.lines.push('  '.repeat(this.depth) + '}');
    }
    const [elseWritten, elseEnded] = [this.written, this.ended];
    this.written = (thenWritten && !thenEnded) || (elseWritten && !elseEnded);
    this.ended = thenEnded && elseEnded;
  }

  /** A loop whose body may run several times: what it writes counts for its next turn too. */
  repeatBlock(head: string, body: () => void, freshEachTurn: boolean): void {
    const before = this.written;
    const faultsBefore = this.faults;
    this.block(head, body);
    const wrote = this.written && !before;
    if (wrote && this.faults > faultsBefore && !freshEachTurn) {
      this.fail('a loop both faults and writes');
    }
    this.written = this.written || before;
    this.ended = false;
  }

  private faults = 0;

  /** What follows can fault. */
  mayFault(what: string): void {
    this.faults++;
    if (this.written && !this.ended) this.fail(`${what} can fault after a write`);
  }

  wrote(): void {
    this.written = true;
  }

  /** For the turn of a REP loop, which is precise by itself. */
  startOver(): void {
    this.written = false;
  }

  checkFault(stack = false): void {
    this.uses.add('faulted');
    if (stack) this.line(`if (faulted()) return ${this.use('stackFault')}();`);
    else this.line('if (faulted()) return 1;');
  }

  return(code: number): void {
    this.line(`return ${code};`);
    this.ended = true;
  }

  get isEnded(): boolean {
    return this.ended;
  }
}
