import { describe, expect, it } from 'vitest';
import { loadCore } from '../../host/coreModule.ts';
import {
  assemble,
  entryOf,
  firstLong,
  invlpg,
  loadCr3,
  spaces,
  startLong,
  store64,
} from './longTestCpu.ts';
import { createTestCpu, print, u32 } from './testCpu.ts';

/** Two pages that take each other's place in the TLBs: what walks found is kept behind them, and dropped when it must be (SDM 3A §4.10). */

const core = await loadCore();

const near = 0x50000;
/** 16 MiB farther, by the second space's page table. */
const far = 0x1050000;
const show = (address: number): number[] => [0x8a, 0x04, 0x25, ...u32(address), 0xe6, 0xe9];
const put = (address: number, letter: string): number[] => [
  ...[0xc6, 0x04, 0x25, ...u32(address), letter.charCodeAt(0)],
];
const mapNear = (entry: number): number[] => store64(entryOf(0, near), entry);
/** mov rax, cr0; or eax, 0x10000; mov cr0, rax */
const setWriteProtect = [0x0f, 0x20, 0xc0, 0x0d, ...u32(0x10000), 0x0f, 0x22, 0xc0];

describe.each([
  ['decoded', undefined],
  ['translated', 0],
] as const)('%s accesses to pages that share a TLB entry', (_, translateAfter) => {
  const printed = (...pieces: readonly (readonly number[])[]): string => {
    const cpu = createTestCpu(core, translateAfter);
    startLong(cpu, assemble(firstLong, setWriteProtect, ...pieces, [0xf4]), {
      14: [...print('f'), 0xf4],
    });
    cpu.write(spaces[0].cr3 + 0x2000 + 8 * 8, ...u32(spaces[1].pages + 3));
    cpu.write(entryOf(1, near), ...u32(0x51003));
    for (const [page, letter] of ['a', 'b', 'c'].entries())
      cpu.write(near + 0x1000 * page, letter.charCodeAt(0));
    for (let i = 0; i < 1000; i++) {
      const { reason } = cpu.vcpu.run(10);
      if (reason === 'halt') return cpu.printed();
      if (reason !== 'budget') throw new Error(reason);
    }
    throw new Error('the CPU does not halt');
  };
  const both = [...show(near), ...show(far)];

  it('reads each where it is', () => {
    expect(printed(both, both, both)).toBe('ababab');
  });

  it('forgets one at INVLPG', () => {
    expect(printed(both, mapNear(0x52003), invlpg(near), show(far), show(near))).toBe('abbc');
  });

  it('forgets all at a CR3 load', () => {
    const reload = loadCr3(BigInt(spaces[0].cr3));
    expect(printed(both, mapNear(0x52003), show(far), reload, both)).toBe('abbcb');
  });

  it('writes where that is allowed by now, and faults where it is not', () => {
    const readOnly = [...mapNear(0x50001), ...invlpg(near)];
    const written = [...put(near, 'd'), ...show(near)];
    expect(printed(readOnly, both, mapNear(0x50003), show(far), written)).toBe('abbd');
    expect(printed(both, readOnly, both, put(near, 'd'))).toBe('ababf');
  });
});
