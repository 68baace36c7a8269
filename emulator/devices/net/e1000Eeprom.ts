/** The 82540EM's EEPROM of 64 words (SDM §5.6) and its Microwire interface (SDM §5.3). */

const words = 64;
/** The sum of all words, SDM §5.6.35. */
const goodSum = 0xbaba;

export function eepromWords(mac: Uint8Array): Uint16Array {
  const memory = new Uint16Array(words);
  for (let i = 0; i < 3; i++) memory[i] = (mac[2 * i] ?? 0) | ((mac[2 * i + 1] ?? 0) << 8);
  memory.set(
    [0xffff, 0xffff, 0, 0, 0, 0x3000, 0x1000, 0x6403, 0x001e, 0x8086, 0x100e, 0x8086, 0x3040],
    3,
  );
  let sum = 0;
  for (let i = 0; i < words - 1; i++) sum += memory[i] as number;
  memory[words - 1] = goodSum - sum;
  return memory;
}

export interface EepromSerial {
  clock: number;
  /** Bits of the command so far. */
  bits: number;
  command: number;
  /** The level of DO. */
  out: number;
  /** Bits of the word that are still to come out, above the word itself. */
  outBits: number;
}

/** EECD: SK 1, CS 2, DI 4. */
export function readEepromSerial(state: EepromSerial, memory: Uint16Array, value: number): void {
  const [clock, selected, input] = [value & 1, value & 2, (value >>> 2) & 1];
  if (selected === 0) {
    state.bits = state.command = state.outBits = 0;
    state.out = 0;
  } else if (clock === 1 && state.clock === 0) {
    if (state.bits < 9) {
      // Start bit, two of opcode, six of address; zeros before the start bit are skipped.
      if (state.bits > 0 || input === 1) {
        state.command = (state.command << 1) | input;
        state.bits++;
      }
      // A dummy zero goes before the word.
      state.out = 0;
      state.outBits = 16;
    } else if (state.outBits > 0 && state.command >> 6 === 6) {
      state.outBits--;
      state.out = ((memory[state.command & 63] ?? 0) >>> state.outBits) & 1;
      if (state.outBits === 0) {
        // Reading goes on with the next word.
        state.command = (state.command & ~63) | ((state.command + 1) & 63);
        state.outBits = 16;
      }
    }
  }
  state.clock = clock;
}
