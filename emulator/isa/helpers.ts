/**
 * Signatures of the AssemblyScript functions that semantics may call (`s.call('name', ...)`).
 * The function is exported by the named file of emulator/cpu. Each family adds its own block with
 * `helpers(file, {...})` in its own file (isa/x87/helpers.ts etc.), imported by that family.
 */

/** Widths of integer parameters (8..32 are u32 in AssemblyScript, 64 is u64) or 128 (v128). */
export type HelperWidth = 8 | 16 | 32 | 64 | 128;

export interface HelperOptions {
  /** Width of the result, none if left out. */
  readonly returns?: HelperWidth;
  /** May raise a fault: generated code then checks and leaves. Default true. */
  readonly faults?: boolean;
  /** Writes architectural state. Default true. */
  readonly writes?: boolean;
  /**
   * What it looks at or changes, besides its arguments and its result, of general registers, XMM registers and status
   * flags: translated code, which holds them in locals, may then call it. Left out: anything.
   */
  readonly touches?: 'nothing' | 'flags';
}

export interface Helper extends HelperOptions {
  readonly name: string;
  /** File in emulator/cpu without extension, e.g. 'x87Arithmetic'. */
  readonly file: string;
  readonly parameters: readonly HelperWidth[];
}

const known = new Map<string, Helper>();

/**
 * Declares helpers of one file: `helpers('descriptors', { verr: [[16], {faults: true}] })`.
 * A helper that faults must do so before its first write, or be atomic by itself.
 */
export function helpers(
  file: string,
  list: Readonly<Record<string, readonly [readonly HelperWidth[], HelperOptions?]>>,
): void {
  for (const [name, [parameters, options]] of Object.entries(list)) {
    if (known.has(name)) throw new Error(`helper ${name} is declared twice`);
    known.set(name, { name, file, parameters, ...options });
  }
}

export function helperNamed(name: string): Helper {
  const helper = known.get(name);
  if (helper === undefined) throw new Error(`no helper '${name}' is declared (isa/helpers.ts)`);
  return helper;
}

export const allHelpers = (): readonly Helper[] => [...known.values()];

/** Whether translated code may call the helper as it stands, or by what `touches` says. */
export function isInlineHelper({ file, name, writes, touches }: Helper): boolean {
  if (touches !== undefined) return true;
  if (/^(fxsave|fxrstor)$/.test(name)) return false;
  return /^(x87|mxcsr)/.test(file) || (/^(sse|wide)/.test(file) && writes === false);
}
