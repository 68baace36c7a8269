import { type KvmRegisters, msr } from './kvmRegisters.ts';

/** Registers of the local APIC's page, in bytes (SDM 3A table 11-1). */
const lapic = {
  irr: 0x200,
  lvtTimer: 0x320,
  initialCount: 0x380,
  currentCount: 0x390,
  divide: 0x3e0,
};

/** Machine time, of which it is `now` (ns), at which a halted vCPU's local APIC wakes it; Infinity: it has no reason to. */
export function lapicTimerNs(registers: KvmRegisters, now: number, tscKhz: number): number {
  const page = registers.get('lapic');
  for (let i = 0; i < 8; i++) if (page.getUint32(lapic.irr + 16 * i, true) !== 0) return now;
  const lvt = page.getUint32(lapic.lvtTimer, true);
  if ((lvt & 0x10000) !== 0) return Infinity;
  if (((lvt >>> 17) & 3) === 2) {
    const deadline = registers.getMsr(msr.tscDeadline) ?? 0n;
    if (deadline === 0n) return Infinity;
    const ticks = Number(deadline - (registers.getMsr(msr.tsc) ?? 0n));
    return now + Math.max(0, ticks / (tscKhz / 1e6));
  }
  if (page.getUint32(lapic.initialCount, true) === 0) return Infinity;
  const divide = page.getUint32(lapic.divide, true);
  const shift = (((divide & 3) | ((divide >>> 1) & 4)) + 1) & 7;
  // A one-shot timer that has fired stands at 0 and is in the IRR, or was taken.
  const left = page.getUint32(lapic.currentCount, true);
  if (left === 0 && ((lvt >>> 17) & 3) === 0) return Infinity;
  return now + left * 2 ** shift;
}
