/**
 * PUSHF, POPF, CLI, STI with IOPL, without VME and PVI (SDM 2, POPF tables 4-16; SDM 3A §20.2.7).
 */
import { updateChecks } from './debugRegisters';
import { raiseWithCode } from './exceptions';
import { getFlags, setFlags } from './flags';
import { updatePending } from './interrupts';
import {
  FLAG_IF,
  FLAG_IOPL,
  MODE_PROTECTED,
  MODE_V86,
  OFF_RFLAGS,
  OFF_SHADOW,
  OFF_SHADOW_RIP,
  SHADOW_STI,
  VECTOR_GP,
} from './layout';
import { CPU, cpl, mode } from './state';

/** CF PF AF ZF SF TF DF OF NT AC ID. */
const ALWAYS: u64 = 0x244dd5;

@inline
function iopl(): u32 {
  return <u32>(load<u64>(CPU, OFF_RFLAGS) & FLAG_IOPL) >> 12;
}

/** Virtual-8086 mode needs IOPL 3 for PUSHF, POPF, CLI, STI, INT n and IRET. */
function sensitive(): bool {
  if (mode() & MODE_V86 && iopl() != 3) {
    raiseWithCode(VECTOR_GP, 0);
    return false;
  }
  return true;
}

/** Image for PUSHF: VM and RF read as 0. */
export function flagsToPush(): u64 {
  return sensitive() ? getFlags() & 0xfcffff : 0;
}

/** Raises what POPF would raise before it reads the stack. */
export function checkPopFlags(): void {
  sensitive();
}

/** POPF of `size` bytes. */
export function popFlags(value: u64, size: u32): void {
  let mask = ALWAYS;
  const bits = mode();
  if (bits & MODE_V86 || !(bits & MODE_PROTECTED)) {
    mask |= FLAG_IF;
    if (!(bits & MODE_V86)) mask |= FLAG_IOPL;
  } else {
    if (cpl() <= iopl()) mask |= FLAG_IF;
    if (cpl() == 0) mask |= FLAG_IOPL;
  }
  if (size == 2) mask &= 0xffff;
  setFlags(value, mask);
  updateChecks();
  updatePending();
}

function interruptFlagAllowed(): bool {
  const bits = mode();
  if (!(bits & (MODE_PROTECTED | MODE_V86))) return true;
  if (bits & MODE_V86 ? iopl() == 3 : cpl() <= iopl()) return true;
  raiseWithCode(VECTOR_GP, 0);
  return false;
}

export function clearInterruptFlag(): void {
  if (!interruptFlagAllowed()) return;
  setFlags(0, FLAG_IF);
  updatePending();
}

/** STI; `next`: RIP behind it. */
export function setInterruptFlag(next: u64): void {
  if (!interruptFlagAllowed()) return;
  // Interrupts stay off for one more instruction if they were off (SDM 2B, STI).
  if (!(load<u64>(CPU, OFF_RFLAGS) & FLAG_IF)) {
    store<u32>(CPU, SHADOW_STI, OFF_SHADOW);
    store<u64>(CPU, next, OFF_SHADOW_RIP);
  }
  setFlags(FLAG_IF, FLAG_IF);
  updatePending();
}
