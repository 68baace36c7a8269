/**
 * Intel 8042 keyboard controller (UPI-42, as IBM's PS/2 technical reference uses it): ports 0x60 and
 * 0x64, configuration byte, translation of scan codes, the auxiliary port, output port and reset line.
 * A20 is always open in this machine; the bit only reads back. Left out: password, the diagnostic dump.
 */
import { checkedState, loadDeadline, savedDeadline } from '../../bus/deviceState.ts';
import type {
  Clock,
  Device,
  DeviceId,
  IoRegion,
  IrqLine,
  Timer,
  VersionedState,
} from '../../bus/types.ts';
import type { Ps2Device } from './ps2Device.ts';
import { translation } from './scanCodes.ts';

const STATUS_OUTPUT_FULL = 0x01;
const STATUS_SYSTEM = 0x04;
const STATUS_LAST_WAS_COMMAND = 0x08;
const STATUS_NOT_LOCKED = 0x10;
const STATUS_AUX_OUTPUT_FULL = 0x20;

const CONFIG_KEYBOARD_INTERRUPT = 0x01;
const CONFIG_AUX_INTERRUPT = 0x02;
const CONFIG_KEYBOARD_OFF = 0x10;
const CONFIG_AUX_OFF = 0x20;
const CONFIG_TRANSLATE = 0x40;

const OUTPUT_NOT_RESET = 0x01;
const OUTPUT_A20 = 0x02;

/**
 * How long the byte that was read stays on the port before the next one takes its place. The wire takes
 * a millisecond; handlers that chain to each other read a byte twice.
 */
const byteNs = 200_000;

export interface I8042Parts {
  readonly clock: Clock;
  readonly keyboard: Ps2Device;
  readonly mouse: Ps2Device;
  readonly keyboardIrq: IrqLine;
  readonly mouseIrq: IrqLine;
  readonly requestReset: () => void;
}

export class I8042 implements Device {
  readonly id: DeviceId = 'i8042';
  readonly #parts: I8042Parts;
  readonly #next: Timer;
  /** Command byte: both ports disabled, as after self test. */
  #configuration = 0x30;
  #status = STATUS_NOT_LOCKED;
  #output = 0;
  #outputPort = OUTPUT_NOT_RESET | OUTPUT_A20;
  #pendingCommand = 0;
  /** F0 of set 2 has come: the next code is a break. */
  #breaking = false;
  #notBeforeNs = 0;

  constructor(parts: I8042Parts) {
    this.#parts = parts;
    this.#next = parts.clock.timer(() => this.#fill());
    parts.keyboard.onWaiting = () => this.#fill();
    parts.mouse.onWaiting = () => this.#fill();
  }

  /** Port 0x60. */
  readonly dataRegion: IoRegion = {
    read: () => {
      const full = (this.#status & STATUS_OUTPUT_FULL) !== 0;
      const value = this.#output;
      if (full) {
        this.#status &= ~(STATUS_OUTPUT_FULL | STATUS_AUX_OUTPUT_FULL);
        this.#notBeforeNs = this.#parts.clock.nowNs() + byteNs;
        this.#updateIrqs();
        this.#fill();
      }
      return value;
    },
    write: (_offset, _width, value) => this.#data(value & 0xff),
  };

  /** Port 0x64. */
  readonly commandRegion: IoRegion = {
    read: () => this.#status,
    write: (_offset, _width, value) => this.#command(value & 0xff),
  };

  /** Takes the next byte of a device into an empty output buffer. */
  #fill(): void {
    if ((this.#status & STATUS_OUTPUT_FULL) !== 0) return;
    const { clock, keyboard, mouse } = this.#parts;
    const keyboardOn = (this.#configuration & CONFIG_KEYBOARD_OFF) === 0;
    const mouseOn = (this.#configuration & CONFIG_AUX_OFF) === 0;
    if (!(keyboardOn && keyboard.waiting) && !(mouseOn && mouse.waiting)) return;
    if (clock.nowNs() < this.#notBeforeNs) {
      this.#next.arm(this.#notBeforeNs);
      return;
    }
    while (keyboardOn && keyboard.waiting) {
      const byte = this.#translated(keyboard.take() ?? 0);
      if (byte !== undefined) return this.#answer(byte);
    }
    if (mouseOn && mouse.waiting) this.#answer(mouse.take() ?? 0, STATUS_AUX_OUTPUT_FULL);
  }

  /** Set 2 as set 1; undefined for a break prefix, which goes into the code that follows. */
  #translated(byte: number): number | undefined {
    if ((this.#configuration & CONFIG_TRANSLATE) === 0) return byte;
    if (byte === 0xf0) {
      this.#breaking = true;
      return undefined;
    }
    // F7 and SysRq lie above the table; answers, as 0xfa, pass as they are.
    const code = byte === 0x83 ? 0x41 : byte === 0x84 ? 0x54 : translation[byte];
    if (code === undefined) return byte;
    const result = this.#breaking ? code | 0x80 : code;
    this.#breaking = false;
    return result;
  }

  #answer(value: number, from: 0 | typeof STATUS_AUX_OUTPUT_FULL = 0): void {
    this.#output = value;
    this.#status = (this.#status & ~STATUS_AUX_OUTPUT_FULL) | STATUS_OUTPUT_FULL | from;
    // A second byte without a read between is a second edge.
    this.#parts.keyboardIrq.set(false);
    this.#parts.mouseIrq.set(false);
    this.#updateIrqs();
  }

  #updateIrqs(): void {
    const full = (this.#status & STATUS_OUTPUT_FULL) !== 0;
    const aux = (this.#status & STATUS_AUX_OUTPUT_FULL) !== 0;
    const config = this.#configuration;
    this.#parts.keyboardIrq.set(full && !aux && (config & CONFIG_KEYBOARD_INTERRUPT) !== 0);
    this.#parts.mouseIrq.set(full && aux && (config & CONFIG_AUX_INTERRUPT) !== 0);
  }

  #configure(value: number): void {
    this.#configuration = value;
    this.#updateIrqs();
    this.#fill();
  }

  #command(command: number): void {
    this.#status |= STATUS_LAST_WAS_COMMAND;
    this.#pendingCommand = 0;
    switch (command) {
      case 0x20:
        return this.#answer(this.#configuration);
      case 0xa7:
        return this.#configure(this.#configuration | CONFIG_AUX_OFF);
      case 0xa8:
        return this.#configure(this.#configuration & ~CONFIG_AUX_OFF);
      case 0xa9:
      case 0xab:
        // Interface tests: no error.
        return this.#answer(0);
      case 0xaa:
        this.#status |= STATUS_SYSTEM;
        this.#configuration = CONFIG_KEYBOARD_OFF | CONFIG_AUX_OFF;
        return this.#answer(0x55);
      case 0xad:
        return this.#configure(this.#configuration | CONFIG_KEYBOARD_OFF);
      case 0xae:
        return this.#configure(this.#configuration & ~CONFIG_KEYBOARD_OFF);
      case 0xc0:
        return this.#answer(0x80);
      case 0xd0:
        return this.#answer(this.#readOutputPort());
      case 0xdd:
        this.#outputPort &= ~OUTPUT_A20;
        return;
      case 0xdf:
        this.#outputPort |= OUTPUT_A20;
        return;
      case 0xe0:
        // Test inputs: both clocks idle.
        return this.#answer(0);
      case 0x60:
      case 0xd1:
      case 0xd2:
      case 0xd3:
      case 0xd4:
        this.#pendingCommand = command;
        return;
      default:
        // 0xf0..0xff pulse output lines that are zero; line 0 is the CPU's reset.
        if (command >= 0xf0 && (command & 1) === 0) this.#parts.requestReset();
    }
  }

  #readOutputPort(): number {
    const full = (this.#status & STATUS_OUTPUT_FULL) !== 0;
    const aux = (this.#status & STATUS_AUX_OUTPUT_FULL) !== 0;
    return this.#outputPort | (full ? (aux ? 0x20 : 0x10) : 0);
  }

  #data(value: number): void {
    this.#status &= ~STATUS_LAST_WAS_COMMAND;
    const command = this.#pendingCommand;
    this.#pendingCommand = 0;
    switch (command) {
      case 0x60:
        this.#status = (this.#status & ~STATUS_SYSTEM) | (value & STATUS_SYSTEM);
        return this.#configure(value);
      case 0xd1:
        this.#outputPort = value & (OUTPUT_NOT_RESET | OUTPUT_A20);
        if ((value & OUTPUT_NOT_RESET) === 0) this.#parts.requestReset();
        return;
      case 0xd2:
        return this.#answer(value);
      case 0xd3:
        return this.#answer(value, STATUS_AUX_OUTPUT_FULL);
      case 0xd4:
        // Talking to a device switches its port on.
        this.#configuration &= ~CONFIG_AUX_OFF;
        this.#parts.mouse.receive(value);
        return;
      default:
        this.#configuration &= ~CONFIG_KEYBOARD_OFF;
        this.#breaking = false;
        this.#parts.keyboard.receive(value);
    }
  }

  reset(): void {
    this.#configuration = CONFIG_KEYBOARD_OFF | CONFIG_AUX_OFF;
    this.#status = STATUS_NOT_LOCKED;
    this.#output = 0;
    this.#outputPort = OUTPUT_NOT_RESET | OUTPUT_A20;
    this.#pendingCommand = 0;
    this.#breaking = false;
    this.#notBeforeNs = 0;
    this.#next.cancel();
    this.#updateIrqs();
  }

  save() {
    return {
      version: 2,
      data: {
        configuration: this.#configuration,
        status: this.#status,
        output: this.#output,
        outputPort: this.#outputPort,
        pendingCommand: this.#pendingCommand,
        breaking: this.#breaking,
        notBeforeNs: this.#notBeforeNs,
        nextNs: savedDeadline(this.#next),
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#configuration = data.configuration;
    this.#status = data.status;
    this.#output = data.output;
    this.#outputPort = data.outputPort;
    this.#pendingCommand = data.pendingCommand;
    this.#breaking = data.breaking;
    this.#notBeforeNs = data.notBeforeNs;
    loadDeadline(this.#next, data.nextNs);
    this.#updateIrqs();
  }
}
