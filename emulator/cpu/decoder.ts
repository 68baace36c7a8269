/**
 * x86 decoder: bytes to records, by the tables that isa/gen makes. SDM 2A §2.1-2.2. VEX, EVEX, XOP and
 * 3DNow! are #UD (their escape bytes have no candidates in the tables).
 *
 * A candidate of the tables is 20 bytes: u16 flags (CAND_*), u8 prefix (0 any, 1 none of 66 F2 F3,
 * 2 66, 3 F3, 4 F2), u8 /digit or 255, u8 whole ModRM byte or 0, u8 1 register | 2 memory, u8 repeat
 * (1 REP, 2 REPZ/REPNZ), u8 size class (0 none, 1 16/32/64, 2 32/64), u8 file of ModRM.reg, of ModRM.rm, u8 two
 * immediates, u8 file of the opcode's register, u8 conditional, u16 unused, u32 first slot.
 */
import { KIND_BASE64, KIND_FLAT32, KIND_FLAT64, KIND_SEGMENTED } from './addressing';
import { HANDLERS } from './generated/handlers';
import { CANDIDATES, OPCODES, SLOTS } from './generated/tables';
import {
  BLOCK_BYTES,
  BLOCK_HEADER,
  BLOCK_HOST,
  BLOCK_KEY,
  BLOCK_RECORDS,
  HOOK_HEAT,
  OFF_HEAT_LIMIT,
  BLOCK_SECOND,
  CS,
  DS,
  ES,
  FS,
  GS,
  MODE_CODE16,
  MODE_CODE32,
  MODE_CODE64,
  MODE_CODE_MASK,
  MODE_FLAT,
  OFF_GPR,
  OFF_RIP,
  OFF_X87,
  OFF_XMM,
  OFF_ZERO,
  RECORD_SIZE,
  REC_ADDRESS_SIZE,
  REC_BASE,
  REC_COUNT,
  REC_DISP,
  REC_HANDLER,
  REC_IMM,
  REC_INDEX,
  REC_KIND,
  REC_LENGTH,
  REC_NEXT,
  REC_PREFIXES,
  REC_REG,
  REC_RM,
  REC_SCALE,
  REC_SEGMENT,
  REC_START,
  SS,
  VECTOR_GP,
} from './layout';
import { raiseWithCode } from './exceptions';
import { codeAddress } from './mmu';
import { countHeat } from './regions';
import { endOfBlock, generalProtection, undefinedInstruction } from './specialHandlers';
import { CPU, rip, segmentLimit } from './state';

const CAND_LAST: u32 = 1;
const CAND_MODRM: u32 = 2;
const CAND_LOCKABLE: u32 = 4;
const CAND_DEFAULT64: u32 = 8;
const CAND_FORCE64: u32 = 0x10;
const CAND_ONLY64: u32 = 0x20;
const CAND_NOT64: u32 = 0x40;
const CAND_W0: u32 = 0x80;
const CAND_W1: u32 = 0x100;
const CAND_POP: u32 = 0x200;
const CAND_ADDRESS_SIZED: u32 = 0x400;
const CAND_SINGLE: u32 = 0x800;
const CANDIDATE_SIZE: usize = 20;
const SLOT_LEAVES: u32 = 0x8000;

const PREFIX_REP: u32 = 1;
const PREFIX_REPNE: u32 = 2;
const PREFIX_LOCK: u32 = 4;
const PREFIX_66: u32 = 8;
const PREFIX_W: u32 = 16;
const PREFIX_SEGMENT: u32 = 32;

/** Register files of candidates. */
const FILE_NONE: u32 = 0;
const FILE_BYTE: u32 = 1;
const FILE_GPR: u32 = 2;
const FILE_NUMBER: u32 = 3;
const FILE_MMX: u32 = 4;
const FILE_XMM: u32 = 5;
/** Control and debug registers: mod is ignored, ModRM.rm is a register (SDM 2B, MOV CR). */
const FILE_CONTROL: u32 = 6;

const MAX_LENGTH: u32 = 15;

/** Outcome of one instruction. */
const DONE: i32 = 0;
const DONE_LEAVES: i32 = 1;
/** A fetch fault is pending, or the instruction starts another block. */
const FAILED: i32 = 2;

// --- Code bytes of the block being decoded -------------------------------------------------------

/** Wasm address of the next byte, and of the end of its page. */
let cursor: usize = 0;
let pageEnd: usize = 0;
/** Linear address of the page behind the block's. */
let secondLinear: u64 = 0;
/** Wasm address of that page if the instruction went there, else 0. */
let second: u32 = 0;
/** May the instruction run into the next page (it is the first of its block)? */
let mayCross: bool = false;
/** Bytes of this instruction so far, the byte that must not be passed, and why it stopped. */
let length: u32 = 0;
let bytesLeft: u32 = 0;
let stopped: bool = false;
let beyondLimit: bool = false;

function fetchSlow(): u32 {
  if (length >= bytesLeft) {
    stopped = true;
    beyondLimit = true;
    return 0;
  }
  if (cursor == pageEnd) {
    if (!mayCross || second) {
      stopped = true;
      return 0;
    }
    second = codeAddress(secondLinear);
    if (!second) {
      stopped = true;
      return 0;
    }
    cursor = second;
    pageEnd = cursor + 0x1000;
  }
  length++;
  return <u32>load<u8>(cursor++);
}

@inline
function fetch8(): u32 {
  if (cursor == pageEnd || length >= bytesLeft) return fetchSlow();
  length++;
  return <u32>load<u8>(cursor++);
}

function fetch16(): u32 {
  const low = fetch8();
  return low | (fetch8() << 8);
}

function fetch32(): u32 {
  if (cursor + 4 <= pageEnd && length + 4 <= bytesLeft) {
    const value = load<u32>(cursor);
    cursor += 4;
    length += 4;
    return value;
  }
  const low = fetch16();
  return low | (fetch16() << 16);
}

function fetch64(): u64 {
  const low = <u64>fetch32();
  return low | (<u64>fetch32() << 32);
}

// --- Registers -----------------------------------------------------------------------------------

@inline
function gprAddress(number: u32): u32 {
  return <u32>CPU + OFF_GPR + (number << 3);
}

/** Record field for register `number` of a file. */
function registerField(file: u32, number: u32, rex: u32): u32 {
  if (file == FILE_BYTE && !rex && number >= 4 && number < 8) return gprAddress(number - 4) + 1;
  if (file == FILE_BYTE || file == FILE_GPR) return gprAddress(number);
  if (file == FILE_XMM) return <u32>CPU + OFF_XMM + (number << 4);
  if (file == FILE_MMX) return <u32>CPU + OFF_X87 + ((number & 7) << 4);
  return number;
}

// --- Memory operands -----------------------------------------------------------------------------

/** Default segment of the operand being decoded. */
let isStackBase: bool = false;
/** The base register is rSP (POP Ev). */
let isRspBase: bool = false;
let isRipRelative: bool = false;

function decodeMemory16(rec: usize, mod: u32, rm: u32): void {
  const zero = <u32>CPU + OFF_ZERO;
  let base = zero;
  let index = zero;
  let displacement: i64 = 0;
  if (rm < 4) {
    base = gprAddress(rm & 2 ? 5 : 3);
    index = gprAddress(rm & 1 ? 7 : 6);
    isStackBase = (rm & 2) != 0;
  } else if (rm == 4) base = gprAddress(6);
  else if (rm == 5) base = gprAddress(7);
  else if (rm == 7) base = gprAddress(3);
  else if (mod != 0) {
    base = gprAddress(5);
    isStackBase = true;
  }
  if (mod == 0 && rm == 6) displacement = <i64>fetch16();
  else if (mod == 1) displacement = <i64>(<i8>fetch8());
  else if (mod == 2) displacement = <i64>(<i16>fetch16());
  store<u32>(rec, base, REC_BASE);
  store<u32>(rec, index, REC_INDEX);
  store<u8>(rec, 0, REC_SCALE);
  store<i64>(rec, displacement, REC_DISP);
}

function decodeMemory(rec: usize, mod: u32, rm: u32, rex: u32, code64: bool): void {
  const zero = <u32>CPU + OFF_ZERO;
  let base = zero;
  let index = zero;
  let scale: u32 = 0;
  let displacement: i64 = 0;
  let number = rm;
  let hasBase = true;
  if (rm == 4) {
    const sib = fetch8();
    const indexNumber = ((sib >> 3) & 7) | ((rex & 2) << 2);
    if (indexNumber != 4) {
      index = gprAddress(indexNumber);
      scale = sib >> 6;
    }
    number = sib & 7;
  }
  if (mod == 0 && number == 5) {
    hasBase = false;
    displacement = <i64>(<i32>fetch32());
    if (rm == 5 && code64) {
      base = <u32>CPU + OFF_RIP;
      isRipRelative = true;
    }
  } else if (mod == 1) displacement = <i64>(<i8>fetch8());
  else if (mod == 2) displacement = <i64>(<i32>fetch32());
  if (hasBase) {
    isRspBase = number == 4 && !(rex & 1);
    isStackBase = (number == 4 || number == 5) && !(rex & 1);
    base = gprAddress(number | ((rex & 1) << 3));
  }
  store<u32>(rec, base, REC_BASE);
  store<u32>(rec, index, REC_INDEX);
  store<u8>(rec, <u8>scale, REC_SCALE);
  store<i64>(rec, displacement, REC_DISP);
}

function addressKind(segment: u32, addressSize: u32, key: u32): u32 {
  if ((key & MODE_CODE_MASK) == MODE_CODE64) {
    if (segment >= <u32>FS) return KIND_BASE64;
    return addressSize == 8 ? KIND_FLAT64 : KIND_FLAT32;
  }
  if (key & MODE_FLAT && addressSize == 4 && segment < <u32>FS && segment != <u32>CS) return KIND_FLAT32;
  return KIND_SEGMENTED;
}

// --- One instruction -----------------------------------------------------------------------------

function decodeInstruction(rec: usize, start: u32, key: u32): i32 {
  const code = key & MODE_CODE_MASK;
  const code64 = code == MODE_CODE64;
  let prefixes: u32 = 0;
  let segmentOverride: u32 = 0xff;
  let address67 = false;
  let rex: u32 = 0;
  let opcode: u32;
  for (;;) {
    opcode = fetch8();
    if (stopped) break;
    if (opcode == 0x66) prefixes |= PREFIX_66;
    else if (opcode == 0x67) address67 = true;
    else if (opcode == 0xf0) prefixes |= PREFIX_LOCK;
    else if (opcode == 0xf2) prefixes = (prefixes & ~PREFIX_REP) | PREFIX_REPNE;
    else if (opcode == 0xf3) prefixes = (prefixes & ~PREFIX_REPNE) | PREFIX_REP;
    else if (opcode == 0x64) segmentOverride = FS;
    else if (opcode == 0x65) segmentOverride = GS;
    else if ((opcode & 0xe7) == 0x26) {
      if (!code64) segmentOverride = (opcode >> 3) & 3;
    } else if (code64 && (opcode & 0xf0) == 0x40) {
      // Counts only right before the opcode.
      rex = opcode;
      continue;
    } else break;
    rex = 0;
  }
  let map: u32 = 0;
  if (opcode == 0x0f && !stopped) {
    map = 1;
    opcode = fetch8();
    if (opcode == 0x38) {
      map = 2;
      opcode = fetch8();
    } else if (opcode == 0x3a) {
      map = 3;
      opcode = fetch8();
    }
  }
  if (stopped) return finishStopped(rec, start);
  if (rex & 8) prefixes |= PREFIX_W;
  if (segmentOverride != 0xff) prefixes |= PREFIX_SEGMENT;

  const first = <u32>load<u16>(OPCODES + (((map << 8) | opcode) << 1));
  if (!first) return finishSpecial(rec, start, undefinedInstruction.index);
  let candidate = CANDIDATES + <usize>(first - 1) * CANDIDATE_SIZE;
  let modrm: u32 = 0;
  // All candidates of an opcode agree on whether a ModRM byte follows.
  if (<u32>load<u16>(candidate) & CAND_MODRM) modrm = fetch8();
  if (stopped) return finishStopped(rec, start);

  let flags: u32;
  for (;;) {
    flags = <u32>load<u16>(candidate);
    if (matches(candidate, flags, prefixes, modrm, rex, code64)) break;
    if (flags & CAND_LAST) return finishSpecial(rec, start, undefinedInstruction.index);
    candidate += CANDIDATE_SIZE;
  }

  // MOV CR and MOV DR take ModRM.rm as register whatever mod is: their files say so.
  const isMemory =
    load<u8>(candidate, 5) == 2 || (load<u8>(candidate, 5) == 3 && modrm < 0xc0 && (flags & CAND_MODRM) != 0);

  const addressSize: u32 = code64 ? (address67 ? 4 : 8) : (code == MODE_CODE32) != address67 ? 4 : 2;
  const sizeClass = <u32>load<u8>(candidate, 7);
  let sizeIndex: u32 = 0;
  let operandSize: u32 = 32;
  if (code64) {
    if (flags & CAND_FORCE64 || rex & 8) operandSize = 64;
    else if (prefixes & PREFIX_66 && load<u8>(candidate, 2) != 2) operandSize = 16;
    else if (flags & CAND_DEFAULT64) operandSize = 64;
  } else if ((code == MODE_CODE32) == ((prefixes & PREFIX_66) != 0 && load<u8>(candidate, 2) != 2)) {
    operandSize = 16;
  }
  if (sizeClass == 1) sizeIndex = operandSize >> 5;
  else if (sizeClass == 2) {
    operandSize = rex & 8 ? 64 : 32;
    sizeIndex = operandSize >> 6;
  }

  // ModRM, memory operand.
  isStackBase = false;
  isRspBase = false;
  isRipRelative = false;
  store<u64>(rec, 0, REC_REG);
  store<u64>(rec, 0, REC_DISP);
  if (flags & CAND_MODRM) {
    const regFile = <u32>load<u8>(candidate, 8);
    let reg = (modrm >> 3) & 7;
    if (regFile != FILE_NUMBER) reg |= (rex & 4) << 1;
    store<u32>(rec, registerField(regFile, reg, rex), REC_REG);
    if (isMemory || (modrm < 0xc0 && load<u8>(candidate, 5) == 2)) {
      if (addressSize == 2) decodeMemory16(rec, modrm >> 6, modrm & 7);
      else decodeMemory(rec, modrm >> 6, modrm & 7, rex, code64);
      if (flags & CAND_POP && isRspBase) {
        store<i64>(rec, load<i64>(rec, REC_DISP) + (operandSize >> 3), REC_DISP);
      }
    } else {
      const rmFile = <u32>load<u8>(candidate, 9);
      let rm = modrm & 7;
      if (rmFile != FILE_NUMBER) rm |= (rex & 1) << 3;
      store<u32>(rec, registerField(rmFile, rm, rex), REC_RM);
    }
  }
  const lowFile = <u32>load<u8>(candidate, 12);
  if (lowFile) store<u32>(rec, registerField(lowFile, (opcode & 7) | ((rex & 1) << 3), rex), REC_RM);

  decodeImmediates(rec, candidate, operandSize, addressSize, code64);
  if (stopped) return finishStopped(rec, start);
  // Only now: the bytes of a wrongly locked instruction are fetched too, and may fault.
  if (prefixes & PREFIX_LOCK && !(flags & CAND_LOCKABLE && isMemory)) {
    return finishSpecial(rec, start, undefinedInstruction.index);
  }

  const next = start + length;
  const immediate = <u32>load<u8>(candidate, 10);
  if (immediate == IMM_REL8 || immediate == IMM_RELZ) {
    store<i64>(rec, load<i64>(rec, REC_IMM) + <i64>next, REC_IMM);
  }
  if (isRipRelative) store<i64>(rec, load<i64>(rec, REC_DISP) + <i64>next, REC_DISP);
  const segment = segmentOverride != 0xff ? segmentOverride : isStackBase ? <u32>SS : <u32>DS;
  store<u8>(rec, <u8>segment, REC_SEGMENT);
  store<u8>(rec, <u8>addressSize, REC_ADDRESS_SIZE);
  store<u8>(rec, <u8>addressKind(segment, addressSize, key), REC_KIND);
  store<u8>(rec, <u8>prefixes, REC_PREFIXES);

  let slot = load<u8>(candidate, 13) ? opcode & 15 : 0;
  const sizes: u32 = sizeClass == 1 ? 3 : sizeClass == 2 ? 2 : 1;
  slot = slot * sizes + sizeIndex;
  if (flags & CAND_ADDRESS_SIZED) slot = slot * 3 + (addressSize >> 2);
  const repeat = <u32>load<u8>(candidate, 6);
  if (repeat == 1) slot = slot * 2 + u32((prefixes & (PREFIX_REP | PREFIX_REPNE)) != 0);
  else if (repeat == 2) slot = slot * 3 + (prefixes & (PREFIX_REP | PREFIX_REPNE));
  slot = slot * 2 + u32(isMemory);
  const handler = <u32>load<u16>(SLOTS + <usize>(load<u32>(candidate, 16) + slot) * 2);
  const target = unchecked(HANDLERS[handler & ~SLOT_LEAVES]).index;
  return finish(rec, start, target) | i32((handler & SLOT_LEAVES) != 0);
}

function matches(
  candidate: usize,
  flags: u32,
  prefixes: u32,
  modrm: u32,
  rex: u32,
  code64: bool,
): bool {
  if (code64 ? flags & CAND_NOT64 : flags & CAND_ONLY64) return false;
  if (flags & CAND_W0 && rex & 8) return false;
  if (flags & CAND_W1 && !(rex & 8)) return false;
  const prefix = <u32>load<u8>(candidate, 2);
  if (prefix) {
    const repeats = prefixes & (PREFIX_REP | PREFIX_REPNE);
    if (prefix == 1 && prefixes & (PREFIX_REP | PREFIX_REPNE | PREFIX_66)) return false;
    if (prefix == 2 && (repeats || !(prefixes & PREFIX_66))) return false;
    if (prefix == 3 && repeats != PREFIX_REP) return false;
    if (prefix == 4 && repeats != PREFIX_REPNE) return false;
  }
  if (!(flags & CAND_MODRM)) {
    // 90 with REX.B is XCHG r8, rAX and no NOP: the only opcode where a single one shares a span.
    return !(flags & CAND_SINGLE && rex & 1 && isNop(candidate));
  }
  const digit = <u32>load<u8>(candidate, 3);
  if (digit != 255 && digit != ((modrm >> 3) & 7)) return false;
  const whole = <u32>load<u8>(candidate, 4);
  if (whole) return whole == modrm;
  if (load<u8>(candidate, 8) == FILE_CONTROL) return true;
  const kinds = <u32>load<u8>(candidate, 5);
  return (kinds & (modrm >= 0xc0 ? 1 : 2)) != 0;
}

/** Candidate of opcode 90 alone: it is followed by the candidate of the whole span 90..97. */
@inline
function isNop(candidate: usize): bool {
  const nop = <u32>load<u16>(OPCODES + (0x90 << 1));
  const first = CANDIDATES + <usize>(nop - 1) * CANDIDATE_SIZE;
  return candidate >= first && candidate <= first + 2 * CANDIDATE_SIZE;
}

const IMM_BYTE: u32 = 1;
const IMM_WORD: u32 = 3;
const IMM_DWORD: u32 = 4;
const IMM_Z: u32 = 5;
const IMM_V: u32 = 6;
const IMM_MOFFS: u32 = 7;
const IMM_REL8: u32 = 8;
const IMM_RELZ: u32 = 9;
const IMM_FAR: u32 = 10;

function decodeImmediates(
  rec: usize,
  candidate: usize,
  operandSize: u32,
  addressSize: u32,
  code64: bool,
): void {
  const kind = <u32>load<u8>(candidate, 10);
  let value: i64 = 0;
  if (kind == IMM_BYTE || kind == IMM_REL8) value = <i64>(<i8>fetch8());
  else if (kind == IMM_WORD) value = <i64>fetch16();
  else if (kind == IMM_DWORD) value = <i64>(<i32>fetch32());
  else if (kind == IMM_Z || kind == IMM_RELZ) {
    // Near branches in 64-bit code always have 32 bits.
    if (operandSize == 16 && !(kind == IMM_RELZ && code64)) value = <i64>(<i16>fetch16());
    else value = <i64>(<i32>fetch32());
  } else if (kind == IMM_V) {
    if (operandSize == 64) value = <i64>fetch64();
    else if (operandSize == 32) value = <i64>fetch32();
    else value = <i64>fetch16();
  } else if (kind == IMM_MOFFS) {
    const zero = <u32>CPU + OFF_ZERO;
    store<u32>(rec, zero, REC_BASE);
    store<u32>(rec, zero, REC_INDEX);
    store<u8>(rec, 0, REC_SCALE);
    const offset = addressSize == 8 ? fetch64() : addressSize == 4 ? <u64>fetch32() : <u64>fetch16();
    store<u64>(rec, offset, REC_DISP);
  } else if (kind == IMM_FAR) {
    value = operandSize == 16 ? <i64>fetch16() : <i64>fetch32();
    value |= <i64>fetch16() << 32;
  }
  const other = <u32>load<u8>(candidate, 11);
  if (other) {
    value &= 0xffffffff;
    value |= (other == IMM_BYTE ? <i64>fetch8() : <i64>fetch16()) << 32;
  }
  store<i64>(rec, value, REC_IMM);
}

function finish(rec: usize, start: u32, handler: u32): i32 {
  store<u32>(rec, handler, REC_HANDLER);
  store<u16>(rec, <u16>start, REC_START);
  store<u16>(rec, <u16>(start + length), REC_NEXT);
  store<u8>(rec, <u8>length, REC_LENGTH);
  return DONE;
}

function finishSpecial(rec: usize, start: u32, handler: u32): i32 {
  store<u8>(rec, <u8>DS, REC_SEGMENT);
  finish(rec, start, handler);
  return DONE_LEAVES;
}

/** The bytes ended: at 15 or the limit of CS (#GP), or at the end of the page. */
function finishStopped(rec: usize, start: u32): i32 {
  return beyondLimit ? finishSpecial(rec, start, generalProtection.index) : FAILED;
}

// --- A block -------------------------------------------------------------------------------------

/**
 * Decodes up to `limit` instructions at `host`/`linear` (= CS:RIP) into `block`. False with a fault
 * pending if the first one cannot be fetched.
 */
export function decodeBlock(block: usize, linear: u64, host: u32, key: u32, limit: i32): bool {
  const isChecked = (key & (MODE_FLAT | MODE_CODE64)) == 0;
  cursor = <usize>host;
  pageEnd = (<usize>host & ~0xfff) + 0x1000;
  secondLinear = (linear & ~(<u64>0xfff)) + 0x1000;
  if ((key & MODE_CODE_MASK) != MODE_CODE64) secondLinear &= 0xffffffff;
  second = 0;
  let rec = block + BLOCK_HEADER;
  let count: i32 = 0;
  let offset: u32 = 0;
  let ended = false;
  // Single steps run the instruction and nothing else.
  const heat = load<u32>(CPU, OFF_HEAT_LIMIT);
  const hooked = heat != 0 && !isChecked && limit > 1;
  if (hooked) {
    finishSpecial(rec, 0, countHeat.index);
    store<u16>(rec, 1, REC_COUNT);
    store<u32>(rec, heat, HOOK_HEAT);
    rec += RECORD_SIZE;
  }
  while (count < limit && !ended) {
    mayCross = count == 0;
    stopped = false;
    beyondLimit = false;
    length = 0;
    bytesLeft = MAX_LENGTH;
    if (isChecked) {
      const at = rip() + offset;
      const last = <u64>segmentLimit(CS);
      const room = at > last ? 0 : last - at + 1;
      if (room < MAX_LENGTH) bytesLeft = <u32>room;
    }
    if (!bytesLeft && count) break;
    const outcome = decodeInstruction(rec, offset, key);
    if (beyondLimit && bytesLeft < MAX_LENGTH) {
      // Another CS may reach further: such a block is not kept.
      if (count) break;
      raiseWithCode(VECTOR_GP, 0);
      return false;
    }
    if (outcome == FAILED) {
      if (count == 0) return false;
      break;
    }
    count++;
    store<u16>(rec, <u16>count, REC_COUNT);
    // A block with an instruction in two pages holds nothing else; one that is too long has no bytes to count.
    ended = outcome == DONE_LEAVES || second != 0;
    offset += length;
    rec += RECORD_SIZE;
    if (cursor == pageEnd) break;
    if (outcome == DONE_LEAVES) break;
  }
  finishSpecial(rec, offset, endOfBlock.index);
  store<u64>(rec, 0, REC_DISP);
  store<u16>(rec, <u16>(count + 1), REC_COUNT);
  store<u32>(block, host, BLOCK_HOST);
  store<u32>(block, key, BLOCK_KEY);
  store<u16>(block, <u16>max<u32>(offset, 1), BLOCK_BYTES);
  store<u16>(block, <u16>(count + 1 + i32(hooked)), BLOCK_RECORDS);
  store<u32>(block, second, BLOCK_SECOND);
  return true;
}
