/** Keyboard, mouse and tablet of the PC, with their wires. */
import type { PortBus } from '../bus/portBus.ts';
import type { Clock, Device, IrqLine } from '../bus/types.ts';
import { ConsoleInput } from '../devices/input/consoleInput.ts';
import { I8042 } from '../devices/input/i8042.ts';
import { Ps2Keyboard } from '../devices/input/ps2Keyboard.ts';
import { Ps2Mouse } from '../devices/input/ps2Mouse.ts';
import { virtioKeyboard, virtioTablet, type VirtioInput } from '../devices/input/virtioInput.ts';
import { isaIrqs, ports } from './pcLayout.ts';

export interface PcInputParts {
  readonly clock: Clock;
  readonly ports: PortBus;
  readonly irq: (number: number) => IrqLine;
  readonly requestReset: () => void;
}

export class PcInput {
  readonly console: ConsoleInput;
  /** To be plugged into PCI. */
  readonly virtioKeyboard: VirtioInput = virtioKeyboard();
  readonly tablet: VirtioInput = virtioTablet();
  readonly devices: readonly Device[];
  readonly #ports: PortBus;

  constructor({ clock, ports: bus, irq, requestReset }: PcInputParts) {
    this.#ports = bus;
    const keyboard = new Ps2Keyboard({ clock });
    const mouse = new Ps2Mouse({ clock });
    const i8042 = new I8042({
      clock,
      keyboard,
      mouse,
      keyboardIrq: irq(isaIrqs.keyboard),
      mouseIrq: irq(isaIrqs.mouse),
      requestReset,
    });
    bus.map(ports.keyboardData, 1, i8042.dataRegion);
    bus.map(ports.keyboardCommand, 1, i8042.commandRegion);
    const { virtioKeyboard, tablet } = this;
    this.console = new ConsoleInput({ keyboard, mouse, virtioKeyboard, tablet });
    this.devices = [keyboard, mouse, i8042];
  }

  /** What firmware leaves: keyboard translated and with interrupts, auxiliary port off, self test passed. */
  setUp(): void {
    this.#ports.write(ports.keyboardCommand, 1, 0x60);
    this.#ports.write(ports.keyboardData, 1, 0x65);
  }
}
