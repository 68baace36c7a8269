/**
 * National PC16550D UART (datasheet TL/C/8652, June 1995): registers, FIFOs, interrupts, loopback.
 * Bytes leave at once, whatever the divisor says, so the transmitter is always empty again when
 * the guest looks; received bytes wait in the FIFO, with the time-out interrupt after four
 * character times. Left out: parity and framing errors, which no host end produces.
 */

/** Registers, table II; the first two are the divisor latch while DLAB is set. */
const RBR_THR = 0;
const IER = 1;
const IIR_FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;

const LCR_BREAK = 0x40;
const LCR_DLAB = 0x80;

const FCR_ENABLE = 1;
const FCR_CLEAR_RECEIVER = 2;

const IER_RECEIVED = 1;
const IER_TRANSMITTER_EMPTY = 2;
const IER_LINE_STATUS = 4;
const IER_MODEM_STATUS = 8;

const MCR_OUT2 = 8;
const MCR_LOOPBACK = 0x10;

const LSR_DATA_READY = 1;
const LSR_OVERRUN = 2;
const LSR_BREAK = 0x10;
const LSR_TRANSMITTER_EMPTY = 0x60;

/** IIR, table IV, in order of priority. */
const IIR_LINE_STATUS = 6;
const IIR_RECEIVED = 4;
const IIR_TIME_OUT = 0xc;
const IIR_TRANSMITTER_EMPTY = 2;
const IIR_MODEM_STATUS = 0;
const IIR_NONE = 1;

const FIFO_SIZE = 16;
const triggerLevels = [1, 4, 8, 14] as const;

export interface UartHost {
  transmit(byte: number): void;
  /** Level of the INTR pin, gated by OUT2 as on a PC. */
  interrupt(high: boolean): void;
  /** Asks for a call of `timeOut` in four character times of `bits` bits; undefined cancels. */
  setTimeOut(characterNs: number | undefined): void;
  /** The receiver has become empty. */
  receiverEmpty(): void;
}

export class Uart16550 {
  readonly #host: UartHost;
  #ier = 0;
  #fcr = 0;
  #lcr = 0;
  #mcr = 0;
  #scratch = 0;
  #divisor = 12;
  /** Overrun and break; the rest of LSR is computed. */
  #lineErrors = 0;
  /** CTS, DSR, RI, DCD inputs in bits 4..7. */
  #modemInputs = 0xb0;
  #modemDeltas = 0;
  #transmitterEmptyPending = false;
  #timedOut = false;
  #fifo: number[] = [];

  constructor(host: UartHost) {
    this.#host = host;
  }

  /** How many bytes the receiver can take without overrun. */
  get room(): number {
    if ((this.#mcr & MCR_LOOPBACK) !== 0) return 0;
    return ((this.#fcr & FCR_ENABLE) !== 0 ? FIFO_SIZE : 1) - this.#fifo.length;
  }

  receive(byte: number): void {
    const size = (this.#fcr & FCR_ENABLE) !== 0 ? FIFO_SIZE : 1;
    if (this.#fifo.length >= size) {
      this.#lineErrors |= LSR_OVERRUN;
    } else {
      this.#fifo.push(byte);
      this.#restartTimeOut();
    }
    this.#update();
  }

  /** The character time-out of the receiver FIFO (datasheet §8.11). */
  timeOut(): void {
    if (this.#fifo.length === 0) return;
    this.#timedOut = true;
    this.#update();
  }

  #restartTimeOut(): void {
    this.#timedOut = false;
    const wanted = (this.#fcr & FCR_ENABLE) !== 0 && this.#fifo.length > 0;
    // 16 clocks of 1.8432 MHz / divisor a bit; start, data, parity and stop bits.
    const bits = 2 + 5 + (this.#lcr & 3) + ((this.#lcr >>> 3) & 1) + ((this.#lcr >>> 2) & 1);
    const bitNs = (16e9 / 1_843_200) * (this.#divisor || 0x10000);
    this.#host.setTimeOut(wanted ? 4 * bits * bitNs : undefined);
  }

  read(register: number): number {
    switch (register) {
      case RBR_THR: {
        if ((this.#lcr & LCR_DLAB) !== 0) return this.#divisor & 0xff;
        const byte = this.#fifo.shift() ?? 0;
        this.#restartTimeOut();
        this.#update();
        if (this.#fifo.length === 0) this.#host.receiverEmpty();
        return byte;
      }
      case IER:
        return (this.#lcr & LCR_DLAB) !== 0 ? this.#divisor >>> 8 : this.#ier;
      case IIR_FCR: {
        const source = this.#source();
        if (source === IIR_TRANSMITTER_EMPTY) {
          this.#transmitterEmptyPending = false;
          this.#update();
        }
        return source | ((this.#fcr & FCR_ENABLE) !== 0 ? 0xc0 : 0);
      }
      case LCR:
        return this.#lcr;
      case MCR:
        return this.#mcr;
      case LSR: {
        const status =
          LSR_TRANSMITTER_EMPTY | this.#lineErrors | (this.#fifo.length > 0 ? LSR_DATA_READY : 0);
        this.#lineErrors = 0;
        this.#update();
        return status;
      }
      case MSR: {
        const status = this.#modemLevels() | this.#modemDeltas;
        this.#modemDeltas = 0;
        this.#update();
        return status;
      }
      case SCR:
        return this.#scratch;
      default:
        return 0xff;
    }
  }

  write(register: number, value: number): void {
    switch (register) {
      case RBR_THR:
        if ((this.#lcr & LCR_DLAB) !== 0) this.#divisor = (this.#divisor & 0xff00) | value;
        else this.#transmit(value);
        break;
      case IER: {
        if ((this.#lcr & LCR_DLAB) !== 0) {
          this.#divisor = (this.#divisor & 0xff) | (value << 8);
          break;
        }
        const enabled = value & ~this.#ier & IER_TRANSMITTER_EMPTY;
        this.#ier = value & 0x0f;
        // Enabling the interrupt while the transmitter is empty raises it at once.
        if (enabled !== 0) this.#transmitterEmptyPending = true;
        break;
      }
      case IIR_FCR:
        // Changing the enable bit clears both FIFOs (datasheet §8.4).
        if (((value ^ this.#fcr) & FCR_ENABLE) !== 0 || (value & FCR_CLEAR_RECEIVER) !== 0) {
          this.#fifo = [];
        }
        this.#fcr = (value & FCR_ENABLE) !== 0 ? value & 0xc9 : 0;
        this.#restartTimeOut();
        break;
      case LCR:
        // A break sent to oneself arrives; the host end has no use for one.
        if ((value & ~this.#lcr & LCR_BREAK) !== 0 && (this.#mcr & MCR_LOOPBACK) !== 0) {
          this.#lineErrors |= LSR_BREAK;
        }
        this.#lcr = value;
        break;
      case MCR: {
        const before = this.#modemLevels();
        this.#mcr = value & 0x1f;
        this.#noteModemChange(before);
        break;
      }
      case SCR:
        this.#scratch = value;
    }
    this.#update();
  }

  #transmit(byte: number): void {
    this.#transmitterEmptyPending = false;
    // INTR falls with the write and rises with the empty transmitter: an edge for the PIC.
    this.#update();
    if ((this.#mcr & MCR_LOOPBACK) !== 0) this.receive(byte);
    else this.#host.transmit(byte);
    this.#transmitterEmptyPending = true;
  }

  /** Modem status lines, in loopback the MCR's outputs (datasheet §8.6). */
  #modemLevels(): number {
    if ((this.#mcr & MCR_LOOPBACK) === 0) return this.#modemInputs;
    const { dtr, rts } = { dtr: this.#mcr & 1, rts: (this.#mcr >>> 1) & 1 };
    return (rts << 4) | (dtr << 5) | ((this.#mcr & 4) << 4) | ((this.#mcr & 8) << 4);
  }

  #noteModemChange(before: number): void {
    const now = this.#modemLevels();
    const changed = before ^ now;
    // Ring indicator notes its trailing edge only.
    const noted = (changed & 0xb0) | (changed & before & 0x40);
    this.#modemDeltas |= noted >>> 4;
  }

  /** Inputs from the far end: bit 4 CTS, 5 DSR, 6 RI, 7 DCD. */
  setModemInputs(inputs: number): void {
    const before = this.#modemLevels();
    this.#modemInputs = inputs & 0xf0;
    this.#noteModemChange(before);
    this.#update();
  }

  #source(): number {
    if ((this.#ier & IER_LINE_STATUS) !== 0 && this.#lineErrors !== 0) return IIR_LINE_STATUS;
    if ((this.#ier & IER_RECEIVED) !== 0 && this.#fifo.length > 0) {
      const enabled = (this.#fcr & FCR_ENABLE) !== 0;
      const trigger = enabled ? (triggerLevels[this.#fcr >>> 6] ?? 1) : 1;
      if (this.#fifo.length >= trigger) return IIR_RECEIVED;
      if (this.#timedOut) return IIR_TIME_OUT;
    }
    if ((this.#ier & IER_TRANSMITTER_EMPTY) !== 0 && this.#transmitterEmptyPending) {
      return IIR_TRANSMITTER_EMPTY;
    }
    if ((this.#ier & IER_MODEM_STATUS) !== 0 && this.#modemDeltas !== 0) return IIR_MODEM_STATUS;
    return IIR_NONE;
  }

  #update(): void {
    // OUT2 opens the way to the IRQ line on a PC; in loopback the pin is inactive.
    const open = (this.#mcr & (MCR_OUT2 | MCR_LOOPBACK)) === MCR_OUT2;
    this.#host.interrupt(open && this.#source() !== IIR_NONE);
  }

  reset(): void {
    this.#ier = 0;
    this.#fcr = 0;
    this.#lcr = 0;
    this.#mcr = 0;
    this.#scratch = 0;
    this.#divisor = 12;
    this.#lineErrors = 0;
    this.#modemDeltas = 0;
    this.#transmitterEmptyPending = false;
    this.#timedOut = false;
    this.#fifo = [];
    this.#host.setTimeOut(undefined);
    this.#update();
  }

  save() {
    return {
      ier: this.#ier,
      fcr: this.#fcr,
      lcr: this.#lcr,
      mcr: this.#mcr,
      scratch: this.#scratch,
      divisor: this.#divisor,
      lineErrors: this.#lineErrors,
      modemInputs: this.#modemInputs,
      modemDeltas: this.#modemDeltas,
      transmitterEmptyPending: this.#transmitterEmptyPending,
      timedOut: this.#timedOut,
      fifo: new Uint8Array(FIFO_SIZE).map((_, i) => this.#fifo[i] ?? 0),
      fifoLength: this.#fifo.length,
    };
  }

  load(state: ReturnType<Uart16550['save']>): void {
    this.#ier = state.ier;
    this.#fcr = state.fcr;
    this.#lcr = state.lcr;
    this.#mcr = state.mcr;
    this.#scratch = state.scratch;
    this.#divisor = state.divisor;
    this.#lineErrors = state.lineErrors;
    this.#modemInputs = state.modemInputs;
    this.#modemDeltas = state.modemDeltas;
    this.#transmitterEmptyPending = state.transmitterEmptyPending;
    this.#timedOut = state.timedOut;
    this.#fifo = [...state.fifo.subarray(0, state.fifoLength)];
    this.#update();
  }
}
