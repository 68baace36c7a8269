/** Architectural states of two CPUs, compared field by field. */
import type { CpuState } from '../../emulator/vcpu/cpuState.ts';

const generalNames = 'rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15'.split(' ');

export interface Difference {
  readonly field: string;
  readonly leader: string;
  readonly follower: string;
}

const text = (value: unknown): string => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  return String(value);
};

/** The state as named words; vectors by register. */
export function fieldsOf(state: CpuState): Map<string, string> {
  const fields = new Map<string, string>([['rflags', `0x${state.rflags.toString(16)}`]]);
  for (const [name, value] of Object.entries(state.registers)) {
    if (name === 'gpr')
      (value as BigUint64Array).forEach((word, i) =>
        fields.set(generalNames[i] as string, text(word)),
      );
    else if (value instanceof BigUint64Array)
      value.forEach((word, i) => fields.set(`${name}${i}`, text(word)));
    else if (name === 'xmm' || name === 'x87')
      for (let i = 0; i * 16 < (value as Uint8Array).length; i++)
        fields.set(`${name}${i}`, text((value as Uint8Array).subarray(16 * i, 16 * i + 16)));
    else fields.set(name, text(value));
  }
  for (const [name, { selector, base, limit, attributes }] of Object.entries(state.segments))
    fields.set(
      name,
      [selector, base, limit, attributes].map((word) => word.toString(16)).join(':'),
    );
  return fields;
}

export function differences(leader: CpuState, follower: CpuState): Difference[] {
  const theirs = fieldsOf(follower);
  return [...fieldsOf(leader)]
    .map(([field, value]) => ({ field, leader: value, follower: theirs.get(field) ?? '' }))
    .filter((one) => one.leader !== one.follower);
}
