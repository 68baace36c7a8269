/** Handlers that belong to no instruction. */
import { ended, stop } from './dispatch';
import { raise, raiseWithCode } from './exceptions';
import {
  LEAVE,
  REC_START,
  RESYNCHRONISE,
  VECTOR_GP,
  VECTOR_UD,
} from './layout';
import { rip, setRip } from './state';

export function undefinedInstruction(rec: usize): i32 {
  raise(VECTOR_UD);
  return stop(rec, LEAVE);
}

/** More than 15 bytes (SDM 2A §2.3.11), or beyond the limit of CS. */
export function generalProtection(rec: usize): i32 {
  raiseWithCode(VECTOR_GP, 0);
  return stop(rec, LEAVE);
}

/** Behind the last instruction of a block that does not branch. */
export function endOfBlock(rec: usize): i32 {
  setRip(rip() + <u64>load<u16>(rec, REC_START));
  return ended(rec);
}

/** What is left of a killed block: execution goes on at this instruction in fresh code. */
export function resynchronise(rec: usize): i32 {
  setRip(rip() + <u64>load<u16>(rec, REC_START));
  return stop(rec, RESYNCHRONISE);
}
