/**
 * The PIT of a PC: channel 0 drives IRQ 0, channel 1 was the DRAM refresh, channel 2 the speaker,
 * with gate and output on the system control port B (0x61; 82371SB §2.5.5).
 */
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
import { PitChannel } from './pit8254.ts';

/** The refresh request toggles about every 15 µs; delay loops of old BIOSes count it. */
const REFRESH_TOGGLE_NS = 15_085;

export class IsaPit implements Device {
  readonly id: DeviceId = 'pit';
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  readonly #timer: Timer;
  readonly #channels = [new PitChannel(), new PitChannel(), new PitChannel()] as const;
  #speakerOn = false;
  #irqHigh = false;

  constructor(parts: { clock: Clock; irq: IrqLine }) {
    this.#clock = parts.clock;
    this.#irq = parts.irq;
    this.#timer = parts.clock.timer(() => {
      this.#setIrq(false);
      this.#setIrq(true);
      this.#rearm(parts.clock.nowNs());
    });
    this.reset();
  }

  /** Ports 0x40..0x43. */
  readonly region: IoRegion = byteRegion({
    read: (offset) => this.#channels[offset]?.read(this.#clock.nowNs()) ?? 0xff,
    write: (offset, value) => {
      const now = this.#clock.nowNs();
      if (offset === 3) this.#control(value, now);
      else this.#channels[offset]?.write(value, now);
      if (offset === 0 || offset === 3) this.#outputChanged(now);
    },
  });

  /** System control port B, 0x61. */
  readonly controlRegion: IoRegion = byteRegion({
    read: () => {
      const now = this.#clock.nowNs();
      const speaker = this.#channels[2];
      return (
        (speaker.gate ? 1 : 0) |
        (this.#speakerOn ? 2 : 0) |
        (Math.floor(now / REFRESH_TOGGLE_NS) % 2 === 1 ? 0x10 : 0) |
        (speaker.output(now) ? 0x20 : 0)
      );
    },
    write: (_offset, value) => {
      this.#speakerOn = (value & 2) !== 0;
      this.#channels[2].setGate((value & 1) !== 0, this.#clock.nowNs());
    },
  });

  #control(value: number, now: number): void {
    const select = value >>> 6;
    if (select === 3) {
      // Read-back command: bits 5 and 4 low ask for count and status.
      for (const [index, channel] of this.#channels.entries()) {
        if ((value & (2 << index)) === 0) continue;
        if ((value & 0x20) === 0) channel.latchCount(now);
        if ((value & 0x10) === 0) channel.latchStatus(now);
      }
      return;
    }
    const channel = this.#channels[select];
    if ((value & 0x30) === 0) channel?.latchCount(now);
    else channel?.setMode(value);
  }

  #outputChanged(now: number): void {
    this.#setIrq(this.#channels[0].output(now));
    // From the same moment: a rise between two would be in neither.
    this.#rearm(now);
  }

  #setIrq(high: boolean): void {
    this.#irqHigh = high;
    this.#irq.set(high);
  }

  #rearm(now: number): void {
    const next = this.#channels[0].nextRiseNs(now);
    if (next === undefined) this.#timer.cancel();
    else this.#timer.arm(next);
  }

  reset(): void {
    this.#channels[0].reset(true);
    this.#channels[1].reset(true);
    this.#channels[2].reset(false);
    this.#speakerOn = false;
    this.#timer.cancel();
    this.#setIrq(false);
  }

  save() {
    return {
      version: 1,
      data: {
        channels: this.#channels.map((channel) => channel.save()),
        speakerOn: this.#speakerOn,
        irqHigh: this.#irqHigh,
        deadlineNs: savedDeadline(this.#timer),
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    for (const [index, channel] of this.#channels.entries()) {
      const saved = data.channels[index];
      if (saved !== undefined) channel.load(saved);
    }
    this.#speakerOn = data.speakerOn;
    loadDeadline(this.#timer, data.deadlineNs);
    this.#setIrq(data.irqHigh);
  }
}
