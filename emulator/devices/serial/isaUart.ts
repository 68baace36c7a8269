/** A COM port: a 16550 with ports, an IRQ line and a host end. */
import type { CharacterBackend, FlowControlled } from '../../backends/character.ts';
import { checkedState, loadDeadline, savedDeadline } from '../../bus/deviceState.ts';
import { byteRegion } from '../../bus/portBus.ts';
import type {
  Clock,
  Device,
  DeviceId,
  IoRegion,
  IrqLine,
  Timer,
  VersionedState,
} from '../../bus/types.ts';
import { Uart16550 } from './uart16550.ts';

export class IsaUart implements Device {
  readonly id: DeviceId;
  readonly #uart: Uart16550;
  readonly #timer: Timer;
  readonly #backend: (CharacterBackend & Partial<FlowControlled>) | undefined;

  /** Without a backend the far end is unplugged: modem inputs are low and output is lost. */
  constructor(parts: {
    id: DeviceId;
    clock: Clock;
    irq: IrqLine;
    backend?: CharacterBackend & Partial<FlowControlled>;
  }) {
    const { clock, irq, backend } = parts;
    this.id = parts.id;
    this.#backend = backend;
    this.#timer = clock.timer(() => this.#uart.timeOut());
    this.#uart = new Uart16550({
      transmit: (byte) => backend?.write(Uint8Array.of(byte)),
      interrupt: (high) => irq.set(high),
      setTimeOut: (ns) => {
        if (ns === undefined) this.#timer.cancel();
        else this.#timer.arm(clock.nowNs() + ns);
      },
      receiverEmpty: () => backend?.resumeInput?.(),
    });
    if (backend === undefined) {
      this.#uart.setModemInputs(0);
      return;
    }
    backend.connect({
      receive: (bytes) => {
        const count = Math.min(bytes.length, this.#uart.room);
        for (const byte of bytes.subarray(0, count)) this.#uart.receive(byte);
        return count;
      },
    });
  }

  /** Eight ports from the base. */
  readonly region: IoRegion = byteRegion({
    read: (offset) => this.#uart.read(offset),
    write: (offset, value) => this.#uart.write(offset, value),
  });

  reset(): void {
    this.#uart.reset();
    this.#backend?.resumeInput?.();
  }

  dispose(): void {
    this.#backend?.dispose?.();
  }

  save() {
    return {
      version: 1,
      data: { uart: this.#uart.save(), timeOutNs: savedDeadline(this.#timer) },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#uart.load(data.uart);
    loadDeadline(this.#timer, data.timeOutNs);
  }
}
