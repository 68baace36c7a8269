/**
 * Address translation, SDM 3A (rev. 083) §4: no paging, 32-bit with PSE, PAE, 4-level; NX, WP, U/S, SMEP,
 * accessed and dirty bits, reserved bits. MAXPHYADDR is 40. Left out: SMAP, protection keys, LA57.
 */
import { raisePageFault, raiseWithCode } from './exceptions';
import {
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMEP,
  EFER_LMA,
  EFER_NXE,
  OFF_CHECKED_ACCESS,
  OFF_CPL,
  OFF_CR0,
  OFF_CR3,
  OFF_CR4,
  OFF_EFER,
  OFF_OPEN_BUS,
  OFF_PDPTE,
  OFF_TLB_CONTEXT,
  OFF_TLB_EXECUTE,
  VECTOR_GP,
} from './layout';
import { hostAddressOf, physicalRead, physicalWrite } from './physical';
import { CPU } from './state';
import { adopt, enter, noteLarge, tlbEntry } from './tlb';
import { knownWalk, noteWalk, WALK_EXECUTE, WALK_GLOBAL, WALK_HUGE, WALK_LARGE, WALK_WRITE } from './walkCache';

export const ACCESS_READ: u32 = 0;
export const ACCESS_WRITE: u32 = 1;
export const ACCESS_EXECUTE: u32 = 2;

/** What translate() returns after it has raised a fault. No physical address looks like it. */
export const NO_TRANSLATION: u64 = 0xffffffffffffffff;

const PTE_P: u64 = 1;
const PTE_RW: u64 = 2;
const PTE_US: u64 = 4;
const PTE_A: u64 = 0x20;
const PTE_D: u64 = 0x40;
const PTE_PS: u64 = 0x80;
const PTE_G: u64 = 0x100;
const PTE_NX: u64 = 0x8000000000000000;
/** Bits 51:12 of an entry. */
const ADDRESS_MASK: u64 = 0xffffffffff000;
/** Bits 51:40, above MAXPHYADDR. */
const ADDRESS_RESERVED: u64 = 0xfff0000000000;

const CODE_PRESENT: u32 = 1;
const CODE_WRITE: u32 = 2;
const CODE_USER: u32 = 4;
const CODE_RESERVED: u32 = 8;
const CODE_FETCH: u32 = 16;

@inline
export function isCanonical(linear: u64): bool {
  return <u64>((<i64>linear << 16) >> 16) == linear;
}

/**
 * Set by translate() for the caller that wants to enter the page into a TLB: whether a write would
 * have been allowed without setting the dirty bit first.
 */
let writeAllowed: bool = false;
/** Whether the page is one of the supervisor's that is in all address spaces. */
let globalPage: bool = false;
/** Whether the translation was found in a large page, and in one of 1 GiB. */
let largeKind: i32 = 0;
/** Probing: nothing is raised, and no bit of an entry is set. */
let quiet: bool = false;

function fault(linear: u64, access: u32, user: bool, code: u32): u64 {
  if (quiet) return NO_TRANSLATION;
  if (access == ACCESS_WRITE) code |= CODE_WRITE;
  if (user) code |= CODE_USER;
  if (access == ACCESS_EXECUTE) {
    const nx =
      load<u64>(CPU, OFF_CR4) & CR4_PAE && load<u64>(CPU, OFF_EFER) & EFER_NXE;
    if (nx || load<u64>(CPU, OFF_CR4) & CR4_SMEP) code |= CODE_FETCH;
  }
  raisePageFault(linear, code);
  return NO_TRANSLATION;
}

/** Permission check (SDM 3A §4.6.1); `rights` is the AND of all levels' RW and US, OR of NX. */
@inline
function permitted(rights: u64, access: u32, user: bool): bool {
  if (user && !(rights & PTE_US)) return false;
  if (access == ACCESS_WRITE) {
    return (rights & PTE_RW) != 0 || (!user && !(load<u64>(CPU, OFF_CR0) & CR0_WP));
  }
  if (access == ACCESS_EXECUTE) {
    if (rights & PTE_NX) return false;
    if (!user && rights & PTE_US && load<u64>(CPU, OFF_CR4) & CR4_SMEP) return false;
  }
  return true;
}

/** Linear to physical, raising #PF. `linear` is canonical. */
export function translate(linear: u64, access: u32, user: bool): u64 {
  largeKind = 0;
  globalPage = false;
  if (!(load<u64>(CPU, OFF_CR0) & <u64>CR0_PG)) {
    writeAllowed = true;
    return linear & 0xffffffff;
  }
  const known = knownWalk(linear, user);
  const enough = access == ACCESS_READ || known & (access == ACCESS_WRITE ? WALK_WRITE : WALK_EXECUTE);
  if (known && enough) {
    writeAllowed = (known & WALK_WRITE) != 0;
    globalPage = (known & WALK_GLOBAL) != 0;
    largeKind = known & WALK_HUGE ? 2 : known & WALK_LARGE ? 1 : 0;
    return (known & ADDRESS_MASK) | (linear & 0xfff);
  }
  const physical = walk(linear, access, user);
  if (physical != NO_TRANSLATION && !quiet) {
    const kind = (access == ACCESS_EXECUTE ? WALK_EXECUTE : 0) | (writeAllowed ? WALK_WRITE : 0) | (globalPage ? WALK_GLOBAL : 0);
    noteWalk(linear, user, (physical & ADDRESS_MASK) | kind | (largeKind == 2 ? WALK_HUGE : largeKind == 1 ? WALK_LARGE : 0));
  }
  return physical;
}

@inline
function walk(linear: u64, access: u32, user: bool): u64 {
  if (load<u64>(CPU, OFF_EFER) & EFER_LMA) return walkLong(linear, access, user);
  if (load<u64>(CPU, OFF_CR4) & CR4_PAE) return walkPae(linear & 0xffffffff, access, user);
  return walk32(linear & 0xffffffff, access, user);
}

function walkLong(linear: u64, access: u32, user: bool): u64 {
  const nxe = (load<u64>(CPU, OFF_EFER) & EFER_NXE) != 0;
  const reserved = ADDRESS_RESERVED | (nxe ? 0 : PTE_NX);
  let table = load<u64>(CPU, OFF_CR3) & (ADDRESS_MASK & ~ADDRESS_RESERVED);
  let rights: u64 = PTE_RW | PTE_US;
  for (let shift: u64 = 39; ; shift -= 9) {
    const at = table + (((linear >> shift) & 0x1ff) << 3);
    const entry = physicalRead(at, 8);
    if (!(entry & PTE_P)) return fault(linear, access, user, 0);
    let bad = reserved;
    const leaf = shift == 12 || (entry & PTE_PS && shift < 39);
    if (shift == 39) bad |= PTE_PS;
    else if (leaf && shift == 30) bad |= 0x3fffe000;
    else if (leaf && shift == 21) bad |= 0x1fe000;
    if (entry & bad) return fault(linear, access, user, CODE_PRESENT | CODE_RESERVED);
    rights = (rights & (entry | PTE_NX)) | (entry & PTE_NX);
    if (leaf) return finish(linear, access, user, at, entry, rights, shift, 8);
    if (!(entry & PTE_A) && !quiet) physicalWrite(at, entry | PTE_A, 8);
    table = entry & ADDRESS_MASK;
  }
  return NO_TRANSLATION;
}

function walkPae(linear: u64, access: u32, user: bool): u64 {
  const nxe = (load<u64>(CPU, OFF_EFER) & EFER_NXE) != 0;
  const reserved = (ADDRESS_RESERVED | 0x7ff0000000000000) | (nxe ? 0 : PTE_NX);
  const pointer = load<u64>(CPU + <usize>((linear >> 30) << 3), OFF_PDPTE);
  if (!(pointer & PTE_P)) return fault(linear, access, user, 0);
  let table = pointer & ADDRESS_MASK;
  let rights: u64 = PTE_RW | PTE_US;
  for (let shift: u64 = 21; ; shift -= 9) {
    const at = table + (((linear >> shift) & 0x1ff) << 3);
    const entry = physicalRead(at, 8);
    if (!(entry & PTE_P)) return fault(linear, access, user, 0);
    const leaf = shift == 12 || (entry & PTE_PS) != 0;
    const bad = leaf && shift == 21 ? reserved | 0x1fe000 : reserved;
    if (entry & bad) return fault(linear, access, user, CODE_PRESENT | CODE_RESERVED);
    rights = (rights & (entry | PTE_NX)) | (entry & PTE_NX);
    if (leaf) return finish(linear, access, user, at, entry, rights, shift, 8);
    if (!(entry & PTE_A) && !quiet) physicalWrite(at, entry | PTE_A, 8);
    table = entry & ADDRESS_MASK;
  }
  return NO_TRANSLATION;
}

function walk32(linear: u64, access: u32, user: bool): u64 {
  const pse = (load<u64>(CPU, OFF_CR4) & CR4_PSE) != 0;
  let at = (load<u64>(CPU, OFF_CR3) & 0xfffff000) + ((linear >> 22) << 2);
  const directory = physicalRead(at, 4);
  if (!(directory & PTE_P)) return fault(linear, access, user, 0);
  if (pse && directory & PTE_PS) {
    // Bits 20:13 are address bits 39:32 (PSE-36); bit 21 is reserved.
    if (directory & 0x200000) return fault(linear, access, user, CODE_PRESENT | CODE_RESERVED);
    return finish(linear, access, user, at, directory, directory, 22, 4);
  }
  if (!(directory & PTE_A) && !quiet) physicalWrite(at, directory | PTE_A, 4);
  at = (directory & 0xfffff000) + (((linear >> 12) & 0x3ff) << 2);
  const entry = physicalRead(at, 4);
  if (!(entry & PTE_P)) return fault(linear, access, user, 0);
  return finish(linear, access, user, at, entry, entry & directory, 12, 4);
}

/** Rights, accessed and dirty bits of the leaf, and the physical address. */
function finish(
  linear: u64,
  access: u32,
  user: bool,
  at: u64,
  entry: u64,
  rights: u64,
  shift: u64,
  size: i32,
): u64 {
  if (!permitted(rights, access, user)) return fault(linear, access, user, CODE_PRESENT);
  const wanted = access == ACCESS_WRITE ? PTE_A | PTE_D : PTE_A;
  if ((entry & wanted) != wanted && !quiet) physicalWrite(at, entry | wanted, size);
  writeAllowed =
    ((entry | wanted) & PTE_D) != 0 && permitted(rights, ACCESS_WRITE, user);
  globalPage =
    (entry & PTE_G) != 0 && !(rights & PTE_US) && (load<u64>(CPU, OFF_CR4) & CR4_PGE) != 0;
  if (shift == 12) return (entry & ADDRESS_MASK) | (linear & 0xfff);
  largeKind = shift == 30 ? 2 : 1;
  const inside = ((<u64>1) << shift) - 1;
  if (shift == 22) {
    const high = ((entry >> 13) & 0xff) << 32;
    return high | (entry & 0xffc00000) | (linear & inside);
  }
  return (entry & ADDRESS_MASK & ~inside) | (linear & inside);
}

/** Whether the page of the last translate() may be entered for writing. */
export function lastWriteAllowed(): bool {
  return writeAllowed;
}

/** Whether the page of the last translate() is global. */
export function lastGlobal(): bool {
  return globalPage;
}

/** Notes a large page of the last translate() for INVLPG. */
export function noteLastLarge(linear: u64): void {
  if (largeKind) noteLarge(linear, largeKind == 2);
}

/** Physical address without side effects, or NO_TRANSLATION. For debuggers and breakpoints. */
export function peekTranslation(linear: u64): u64 {
  quiet = true;
  const physical = translate(linear, ACCESS_READ, false);
  quiet = false;
  return physical;
}

/** Wasm address of the code byte at `linear`, or 0 after raising. */
@inline
export function codeAddress(linear: u64): u32 {
  const entry = tlbEntry(OFF_TLB_EXECUTE, linear);
  if (load<u64>(entry) == ((linear & ~(<u64>0xfff)) | load<u64>(CPU, OFF_TLB_CONTEXT))) {
    return <u32>linear + load<u32>(entry, 8);
  }
  return codeAddressSlow(linear);
}

/** The same if the TLB knows it, else 0; nothing is raised. */
@inline
export function cachedCodeAddress(linear: u64): u32 {
  const entry = tlbEntry(OFF_TLB_EXECUTE, linear);
  if (load<u64>(entry) == ((linear & ~(<u64>0xfff)) | load<u64>(CPU, OFF_TLB_CONTEXT))) {
    return <u32>linear + load<u32>(entry, 8);
  }
  if (load<u32>(CPU, OFF_CHECKED_ACCESS) || !adopt(entry, linear, load<u32>(CPU, OFF_CPL) == 3)) return 0;
  return <u32>linear + load<u32>(entry, 8);
}

function codeAddressSlow(linear: u64): u32 {
  if (!isCanonical(linear)) {
    raiseWithCode(VECTOR_GP, 0);
    return 0;
  }
  const user = load<u32>(CPU, OFF_CPL) == 3;
  const entry = tlbEntry(OFF_TLB_EXECUTE, linear);
  if (adopt(entry, linear, user)) return <u32>linear + load<u32>(entry, 8);
  const physical = translate(linear, ACCESS_EXECUTE, user);
  if (physical == NO_TRANSLATION) return 0;
  noteLastLarge(linear);
  const host = hostAddressOf(physical);
  // Nothing answers there: the bus floats high.
  if (!host) return <u32>(CPU + OFF_OPEN_BUS) + (<u32>physical & 0xfff);
  enter(OFF_TLB_EXECUTE, linear, host & ~0xfff, user, globalPage);
  return host;
}

/** Loads the PDPTEs from CR3; false (nothing raised) if one has reserved bits (SDM 3A §4.4.1). */
export function loadPdptes(cr3: u64): bool {
  const at = cr3 & 0xffffffe0;
  for (let i = 0; i < 4; i++) {
    const entry = physicalRead(at + (<u64>i << 3), 8);
    if (entry & PTE_P && entry & (ADDRESS_RESERVED | 0xfff00000000001e6)) return false;
  }
  for (let i = 0; i < 4; i++) {
    store<u64>(CPU + (<usize>i << 3), physicalRead(at + (<u64>i << 3), 8), OFF_PDPTE);
  }
  return true;
}
