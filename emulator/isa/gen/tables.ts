/**
 * Decode tables as bytes (format: cpu/decoder.ts). Candidates of an opcode are ordered by how much
 * they demand, and the first that matches is taken; two that demand the same are an error.
 */
import type { Form } from '../forms.ts';
import type { FormOperand, OperandSpec } from '../operands.ts';
import { memoryKinds, sizeClass } from './variants.ts';

export const CANDIDATE_SIZE = 20;

export interface Candidate {
  readonly name: string;
  readonly form: Form;
  /** Index of its first slot in the handler list. */
  readonly firstSlot: number;
}

const PREFIX = { any: 0, np: 1, p66: 2, f3: 3, f2: 4 } as const;
const REPEAT = { none: 0, rep: 1, repz: 2 } as const;

/** How the decoder turns a register number into a record field. */
function fileCode(spec: OperandSpec | undefined): number {
  if (spec === undefined || (spec.source === 'rm' && spec.memory === 'only')) return 0;
  switch (spec.file) {
    case 'gpr':
      return spec.highBytes === true ? 1 : 2;
    case 'segment':
    case 'x87':
      return 3;
    case 'control':
    case 'debug':
      return 6;
    case 'mmx':
      return 4;
    case 'xmm':
      return 5;
    default:
      return 0;
  }
}

function immediateCode(spec: OperandSpec | undefined): number {
  if (spec === undefined) return 0;
  if (spec.source === 'far') return 10;
  if (spec.source === 'moffs') return 7;
  if (spec.source === 'rel') return spec.encoded === 8 ? 8 : 9;
  switch (spec.encoded) {
    case 8:
      return 1;
    case 16:
      return 3;
    case 32:
      return 4;
    case 'z':
      return 5;
    case 'v':
      return 6;
    default:
      throw new Error(`immediate ${spec.name}`);
  }
}

export function candidateBytes({ name, form, firstSlot }: Candidate, isLast: boolean): number[] {
  const { encoding } = form;
  const bySource = (source: string): FormOperand[] =>
    form.operands.filter((o) => o.spec.source === source);
  const immediates = form.operands.filter((o) =>
    ['imm', 'rel', 'far', 'moffs'].includes(o.spec.source),
  );
  if (immediates.length > 2 || bySource('rm').length > 1 || bySource('reg').length > 1) {
    throw new Error(`${name}: too many operands of one kind`);
  }
  const kinds = memoryKinds(form);
  const flags =
    (isLast ? 1 : 0) |
    (encoding.hasModrm ? 2 : 0) |
    (encoding.lockable ? 4 : 0) |
    (encoding.default64 ? 8 : 0) |
    (encoding.force64 ? 0x10 : 0) |
    (encoding.modes === 'only64' ? 0x20 : 0) |
    (encoding.modes === 'not64' ? 0x40 : 0) |
    (encoding.rexW === 0 ? 0x80 : 0) |
    (encoding.rexW === 1 ? 0x100 : 0) |
    (encoding.popAddress ? 0x200 : 0) |
    (encoding.addressSized ? 0x400 : 0) |
    (encoding.span === 1 ? 0x800 : 0);
  return [
    flags & 255,
    flags >> 8,
    PREFIX[encoding.prefix],
    encoding.digit ?? 255,
    encoding.modrm ?? 0,
    (kinds.register ? 1 : 0) | (kinds.memory ? 2 : 0),
    REPEAT[encoding.repeat],
    sizeClass(form),
    fileCode(bySource('reg')[0]?.spec),
    fileCode(bySource('rm')[0]?.spec),
    immediateCode(immediates[0]?.spec),
    immediateCode(immediates[1]?.spec),
    fileCode(bySource('low')[0]?.spec),
    encoding.span === 16 ? 1 : 0,
    0,
    0,
    firstSlot & 255,
    (firstSlot >> 8) & 255,
    (firstSlot >> 16) & 255,
    0,
  ];
}

/** Larger = asks for more = is tried first. */
function demand({ form }: Candidate): number {
  const { encoding } = form;
  const kinds = memoryKinds(form);
  return (
    (encoding.modrm === undefined ? 0 : 64) +
    (encoding.prefix === 'any' ? 0 : encoding.prefix === 'np' ? 8 : 16) +
    (encoding.digit === undefined ? 0 : 4) +
    (encoding.rexW === undefined ? 0 : 2) +
    (encoding.modes === 'all' ? 0 : 2) +
    (encoding.hasModrm && kinds.register !== kinds.memory ? 1 : 0) +
    (encoding.span === 1 ? 1 : 0)
  );
}

/** Everything a candidate demands of an instruction, as text: equal texts are ambiguous. */
function demands({ form }: Candidate): string {
  const { prefix, digit, modrm, modes, rexW, span } = form.encoding;
  return JSON.stringify([prefix, digit, modrm, modes, rexW, span === 1, memoryKinds(form)]);
}

export interface DecodeTables {
  /** 4 maps × 256: 1 + index of the first candidate, or 0. */
  readonly opcodes: readonly number[];
  readonly candidates: readonly number[];
  readonly problems: readonly string[];
}

export function decodeTables(all: readonly Candidate[]): DecodeTables {
  const opcodes = new Array<number>(1024).fill(0);
  const candidates: number[] = [];
  const problems: string[] = [];
  const groups = new Map<string, number>();
  for (let index = 0; index < 1024; index++) {
    const [map, opcode] = [index >> 8, index & 255];
    const here = all.filter(({ form: { encoding } }) => {
      if (encoding.map !== map) return false;
      return encoding.opcode <= opcode && opcode < encoding.opcode + encoding.span;
    });
    if (here.length === 0) continue;
    here.sort((x, y) => demand(y) - demand(x));
    if (new Set(here.map((candidate) => candidate.form.encoding.hasModrm)).size > 1) {
      problems.push(`opcode ${opcode.toString(16)} of map ${map}: not all forms have a ModRM byte`);
    }
    const seen = new Map<string, string>();
    for (const candidate of here) {
      const text = demands(candidate);
      const other = seen.get(text);
      if (other !== undefined && !problems.includes(`${other} and ${candidate.name}`)) {
        const where = opcode.toString(16);
        problems.push(
          `opcode ${where} of map ${map}: ${other} and ${candidate.name} are ambiguous`,
        );
      }
      seen.set(text, candidate.name);
    }
    const bytes = here.flatMap((candidate, i) => candidateBytes(candidate, i === here.length - 1));
    const key = bytes.join(',');
    let first = groups.get(key);
    if (first === undefined) {
      first = candidates.length / CANDIDATE_SIZE;
      candidates.push(...bytes);
      groups.set(key, first);
    }
    opcodes[index] = first + 1;
  }
  return { opcodes, candidates, problems };
}
