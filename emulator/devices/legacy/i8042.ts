/**
 * Intel 8042 keyboard controller (UPI-42, as IBM's AT technical reference uses it) with nothing
 * plugged in: self test, configuration byte, output port and the reset line. Commands to a
 * keyboard or mouse get no answer, as from empty sockets. The devices come with the display.
 */
import { checkedState } from '../../bus/deviceState.ts';
import type { Device, DeviceId, IoRegion, VersionedState } from '../../bus/types.ts';

const STATUS_OUTPUT_FULL = 0x01;
const STATUS_SYSTEM = 0x04;
const STATUS_LAST_WAS_COMMAND = 0x08;
const STATUS_NOT_LOCKED = 0x10;

export class I8042 implements Device {
  readonly id: DeviceId = 'i8042';
  readonly #requestReset: () => void;
  /** Command byte: both ports disabled, as after self test. */
  #configuration = 0x30;
  #status = STATUS_NOT_LOCKED;
  #output = 0;
  #pendingCommand = 0;

  constructor(parts: { requestReset: () => void }) {
    this.#requestReset = parts.requestReset;
  }

  /** Port 0x60. */
  readonly dataRegion: IoRegion = {
    read: () => {
      this.#status &= ~STATUS_OUTPUT_FULL;
      return this.#output;
    },
    write: (_offset, _width, value) => this.#data(value & 0xff),
  };

  /** Port 0x64. */
  readonly commandRegion: IoRegion = {
    read: () => this.#status,
    write: (_offset, _width, value) => this.#command(value & 0xff),
  };

  #answer(value: number): void {
    this.#output = value;
    this.#status |= STATUS_OUTPUT_FULL;
  }

  #command(command: number): void {
    this.#status |= STATUS_LAST_WAS_COMMAND;
    this.#pendingCommand = 0;
    switch (command) {
      case 0x20:
        return this.#answer(this.#configuration);
      case 0xa7:
        this.#configuration |= 0x20;
        return;
      case 0xa8:
        this.#configuration &= ~0x20;
        return;
      case 0xa9:
      case 0xab:
        // Interface tests: no error.
        return this.#answer(0);
      case 0xaa:
        this.#status |= STATUS_SYSTEM;
        this.#configuration = 0x30;
        return this.#answer(0x55);
      case 0xad:
        this.#configuration |= 0x10;
        return;
      case 0xae:
        this.#configuration &= ~0x10;
        return;
      case 0xc0:
        return this.#answer(0x80);
      case 0xd0:
        // Output port: not in reset, A20 open.
        return this.#answer(0x03);
      case 0x60:
      case 0xd1:
      case 0xd2:
      case 0xd3:
      case 0xd4:
        this.#pendingCommand = command;
        return;
      default:
        // 0xf0..0xff pulse output lines that are zero; line 0 is the CPU's reset.
        if (command >= 0xf0 && (command & 1) === 0) this.#requestReset();
    }
  }

  #data(value: number): void {
    this.#status &= ~STATUS_LAST_WAS_COMMAND;
    const command = this.#pendingCommand;
    this.#pendingCommand = 0;
    if (command === 0x60) {
      this.#configuration = value;
      this.#status = (this.#status & ~STATUS_SYSTEM) | (value & STATUS_SYSTEM);
    } else if (command === 0xd1) {
      if ((value & 1) === 0) this.#requestReset();
    } else if (command === 0xd2 || command === 0xd3) {
      this.#answer(value);
    }
  }

  reset(): void {
    this.#configuration = 0x30;
    this.#status = STATUS_NOT_LOCKED;
    this.#output = 0;
    this.#pendingCommand = 0;
  }

  save() {
    return {
      version: 1,
      data: {
        configuration: this.#configuration,
        status: this.#status,
        output: this.#output,
        pendingCommand: this.#pendingCommand,
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#configuration = data.configuration;
    this.#status = data.status;
    this.#output = data.output;
    this.#pendingCommand = data.pendingCommand;
  }
}
