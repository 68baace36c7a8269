/**
 * Control registers, descriptor-table registers, INVLPG, INVPCID. SDM 3A §2.5, §4.10.4; SDM 2, MOV CR,
 * LMSW, LGDT. No UMIP: SGDT, SIDT, SLDT, STR and SMSW work at every level.
 */
import { updateChecks } from './debugRegisters';
import { raise, raiseWithCode } from './exceptions';
import { updatePending } from './interrupts';
import { setTaskPriority } from './lapicRegisters';
import {
  ATTR_L,
  CR0_CD,
  CR0_ET,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_DE,
  CR4_FSGSBASE,
  CR4_MCE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  CR4_PCE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMEP,
  CR4_TSD,
  CS,
  EFER_LMA,
  EFER_LME,
  FS,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_LONG,
  OFF_CR0,
  OFF_CR2,
  OFF_CR3,
  OFF_CR4,
  OFF_EFER,
  OFF_GDT_BASE,
  OFF_IDT_BASE,
  OFF_LAPIC_TPR,
  VECTOR_GP,
  VECTOR_UD,
} from './layout';
import { probeWriteSlow, readAs, writeAs } from './memorySlow';
import { isCanonical, loadPdptes } from './mmu';
import { updateMode } from './segments';
import { CPU, cpl, faulted, mode, segmentAttributes, segmentBase } from './state';
import { flushAll, flushPage, flushPcid, switchAddressSpace } from './tlb';

const CR0_DEFINED: u64 = 0xe005003f;
const CR4_DEFINED: u64 =
  CR4_TSD |
  CR4_DE |
  CR4_PSE |
  CR4_PAE |
  CR4_MCE |
  CR4_PGE |
  CR4_PCE |
  CR4_OSFXSR |
  CR4_OSXMMEXCPT |
  CR4_FSGSBASE |
  CR4_PCIDE |
  CR4_SMEP;
/** Bits whose change drops all translations (SDM 3A §4.10.4.1). */
const CR4_FLUSHES: u64 = CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP;
const CR3_RESERVED: u64 = 0x7fffff0000000000;
const CR3_KEEP: u64 = 0x8000000000000000;

@inline
function is64(): bool {
  return (mode() & MODE_CODE_MASK) == MODE_CODE64;
}

function refuse(): void {
  raiseWithCode(VECTOR_GP, 0);
}

/** CPL 0, else #GP(0); false after raising. */
export function privileged(): bool {
  if (cpl() == 0) return true;
  refuse();
  return false;
}

/** #GP(0) unless CPL is 0, for forms with nothing else to check. */
export function requirePrivilege(): void {
  privileged();
}

export function readControlRegister(index: u32): u64 {
  if (index > 8 || index == 1 || (index > 4 && index < 8)) {
    raise(VECTOR_UD);
    return 0;
  }
  if (!privileged()) return 0;
  switch (index) {
    case 0:
      return load<u64>(CPU, OFF_CR0);
    case 2:
      return load<u64>(CPU, OFF_CR2);
    case 3:
      return load<u64>(CPU, OFF_CR3);
    case 4:
      return load<u64>(CPU, OFF_CR4);
    default:
      return <u64>(load<u32>(CPU, OFF_LAPIC_TPR) >> 4);
  }
}

export function writeControlRegister(index: u32, value: u64): void {
  if (index > 8 || index == 1 || (index > 4 && index < 8)) {
    raise(VECTOR_UD);
    return;
  }
  if (!privileged()) return;
  switch (index) {
    case 0:
      writeCr0(value);
      break;
    case 2:
      store<u64>(CPU, value, OFF_CR2);
      break;
    case 3:
      writeCr3(value);
      break;
    case 4:
      writeCr4(value);
      break;
    default:
      if (value > 15) refuse();
      else setTaskPriority(<u32>value << 4);
  }
}

function isPae(cr0: u64, cr4: u64): bool {
  return (
    (cr0 & <u64>CR0_PG) != 0 &&
    (cr4 & CR4_PAE) != 0 &&
    (load<u64>(CPU, OFF_EFER) & EFER_LME) == 0
  );
}

function writeCr0(value: u64): void {
  const old = load<u64>(CPU, OFF_CR0);
  const cr4 = load<u64>(CPU, OFF_CR4);
  let efer = load<u64>(CPU, OFF_EFER);
  if (
    value >> 32 ||
    (value & <u64>CR0_PG && !(value & CR0_PE)) ||
    (value & CR0_NW && !(value & CR0_CD))
  ) {
    refuse();
    return;
  }
  value = (value & CR0_DEFINED) | CR0_ET;
  const changed = old ^ value;
  if (changed & <u64>CR0_PG) {
    if (value & <u64>CR0_PG) {
      if (efer & EFER_LME) {
        if (!(cr4 & CR4_PAE) || segmentAttributes(CS) & ATTR_L) {
          refuse();
          return;
        }
        efer |= EFER_LMA;
      }
    } else {
      if (is64() || cr4 & CR4_PCIDE) {
        refuse();
        return;
      }
      efer &= ~(<u64>EFER_LMA);
    }
  }
  if (changed & (<u64>CR0_PG | CR0_CD | CR0_NW) && isPae(value, cr4)) {
    if (!loadPdptes(load<u64>(CPU, OFF_CR3))) {
      refuse();
      return;
    }
  }
  store<u64>(CPU, value, OFF_CR0);
  store<u64>(CPU, efer, OFF_EFER);
  // Without paging translations are the same in real and protected mode, between which boot loaders go for each BIOS call.
  if (changed & CR0_PG || (value & CR0_PG && changed & CR0_WP)) flushAll();
  controlChanged();
}

function controlChanged(): void {
  updateMode();
  updateChecks();
  updatePending();
}

function writeCr3(value: u64): void {
  const cr4 = load<u64>(CPU, OFF_CR4);
  let keep = false;
  if (mode() & MODE_LONG) {
    if (cr4 & CR4_PCIDE) {
      keep = (value & CR3_KEEP) != 0;
      value &= ~CR3_KEEP;
    }
    if (value & (CR3_RESERVED | CR3_KEEP)) {
      refuse();
      return;
    }
  } else {
    value &= 0xffffffff;
    if (isPae(load<u64>(CPU, OFF_CR0), cr4) && !loadPdptes(value)) {
      refuse();
      return;
    }
  }
  store<u64>(CPU, value, OFF_CR3);
  switchAddressSpace(keep);
}

function writeCr4(value: u64): void {
  const old = load<u64>(CPU, OFF_CR4);
  const changed = old ^ value;
  const long = (mode() & MODE_LONG) != 0;
  if (
    value & ~CR4_DEFINED ||
    (long && !(value & CR4_PAE)) ||
    (changed & value & CR4_PCIDE && (!long || (load<u64>(CPU, OFF_CR3) & 0xfff) != 0))
  ) {
    refuse();
    return;
  }
  const cr0 = load<u64>(CPU, OFF_CR0);
  if (changed & CR4_FLUSHES && isPae(cr0, value) && !loadPdptes(load<u64>(CPU, OFF_CR3))) {
    refuse();
    return;
  }
  store<u64>(CPU, value, OFF_CR4);
  if (changed & CR4_FLUSHES) flushAll();
  controlChanged();
}

/** WRMSR of IA32_EFER. */
export function writeEfer(value: u64): void {
  const old = load<u64>(CPU, OFF_EFER);
  const changed = old ^ value;
  if (
    value & ~(<u64>0xd01) ||
    (changed & EFER_LME && load<u64>(CPU, OFF_CR0) & <u64>CR0_PG)
  ) {
    refuse();
    return;
  }
  store<u64>(CPU, (value & ~(<u64>EFER_LMA)) | (old & EFER_LMA), OFF_EFER);
  if (changed) flushAll();
}

/** LMSW: PE can be set, not cleared. */
export function loadMachineStatus(value: u32): void {
  if (!privileged()) return;
  const old = load<u64>(CPU, OFF_CR0);
  const kept = old & ~(<u64>14);
  writeCr0(kept | (value & 15));
}

export function clearTaskSwitched(): void {
  if (!privileged()) return;
  store<u64>(CPU, load<u64>(CPU, OFF_CR0) & ~(<u64>CR0_TS), OFF_CR0);
  updateMode();
}

export function machineStatus(): u64 {
  return load<u64>(CPU, OFF_CR0);
}

// --- Descriptor-table registers ----------------------------------------------------------------

/** Base u64 at +0, limit u32 at +8. */
@inline
function tableRegister(which: u32): usize {
  return CPU + (which ? OFF_IDT_BASE : OFF_GDT_BASE);
}

/** LGDT (which = 0) and LIDT: operands as read from memory. */
export function loadTable(which: u32, limit: u32, base: u64): void {
  if (!privileged()) return;
  if (is64() && !isCanonical(base)) {
    refuse();
    return;
  }
  const table = tableRegister(which);
  store<u64>(table, base);
  store<u32>(table, limit & 0xffff, 8);
}

/** SGDT and SIDT: limit and base of `size` bytes at `linear`. */
export function storeTable(which: u32, linear: u64, size: u32): void {
  probeWriteSlow(linear, 2 + size);
  if (faulted()) return;
  const user = cpl() == 3;
  const table = tableRegister(which);
  writeAs(linear, load<u32>(table, 8), 2, user);
  writeAs(linear + 2, load<u64>(table), size, user);
}

// --- TLB ---------------------------------------------------------------------------------------

/** INVLPG of segment:offset; limits are not looked at, and a non-canonical address is ignored. */
export function invalidatePage(index: u32, offset: u64): void {
  if (!privileged()) return;
  const base = is64() && index < <u32>FS ? 0 : segmentBase(index);
  flushPage(is64() ? base + offset : (base + offset) & 0xffffffff);
}

/** INVPCID (SDM 2A): descriptor = PCID and linear address. */
export function invalidatePcid(kind: u64, descriptor: u64): void {
  if (!privileged()) return;
  const user = cpl() == 3;
  const pcid = readAs(descriptor, 8, user);
  if (faulted()) return;
  const linear = readAs(descriptor + 8, 8, user);
  if (faulted()) return;
  const enabled = (load<u64>(CPU, OFF_CR4) & CR4_PCIDE) != 0;
  if (
    kind > 3 ||
    (pcid >> 12 && kind < 2) ||
    (kind < 2 && !enabled && pcid != 0) ||
    (kind == 0 && !isCanonical(linear))
  ) {
    refuse();
    return;
  }
  if (kind == 0) flushPage(linear);
  else if (kind == 1) flushPcid(<u32>pcid);
  else flushAll();
}
