/**
 * Intel 82093AA I/O APIC (datasheet 290566-001): 24 redirection entries, edge and level
 * triggered. Pins are active high here whatever the polarity bit says: wires carry "asserted".
 * Left out: the serial APIC bus and its arbitration, which the system bus replaced.
 */
import { checkedState } from '../../bus/deviceState.ts';
import type { InterruptSink } from '../../bus/interruptMessage.ts';
import { IrqWire } from '../../bus/irq.ts';
import type { Device, DeviceId, IoRegion, IrqLine, VersionedState } from '../../bus/types.ts';

export const ioApicPins = 24;

/** Version register §3.2.2: version 0x11, highest entry in bits 23:16. */
const VERSION = 0x11 | ((ioApicPins - 1) << 16);

/** Low half of a redirection entry, §3.2.4. */
const LOGICAL = 0x800;
const DELIVERY_STATUS = 0x1000;
const REMOTE_IRR = 0x4000;
const LEVEL = 0x8000;
const MASKED = 0x10000;
const READ_ONLY = DELIVERY_STATUS | REMOTE_IRR;

export class IoApic82093 implements Device {
  readonly id: DeviceId = 'ioapic';
  readonly lines: readonly IrqLine[];
  readonly #send: InterruptSink;
  readonly #low = new Uint32Array(ioApicPins);
  readonly #high = new Uint32Array(ioApicPins);
  #asserted = 0;
  #select = 0;
  #apicId = 0;

  constructor(send: InterruptSink) {
    this.#send = send;
    this.lines = Array.from(
      { length: ioApicPins },
      (_, pin) => new IrqWire((high) => this.#setPin(pin, high)),
    );
    this.reset();
  }

  #setPin(pin: number, high: boolean): void {
    this.#asserted = high ? this.#asserted | (1 << pin) : this.#asserted & ~(1 << pin);
    // An edge on a masked pin is lost (§3.2.4, interrupt mask).
    if (high) this.#service(pin);
  }

  #service(pin: number): void {
    const low = this.#low[pin] ?? 0;
    if ((low & MASKED) !== 0) return;
    if ((low & LEVEL) !== 0) {
      if ((low & REMOTE_IRR) !== 0) return;
      this.#low[pin] = low | REMOTE_IRR;
    }
    this.#send({
      destination: (this.#high[pin] ?? 0) >>> 24,
      logical: (low & LOGICAL) !== 0,
      vector: low & 0xff,
      delivery: (low >>> 8) & 7,
      level: (low & LEVEL) !== 0,
    });
  }

  /** EOI message of a local APIC for a level-triggered vector. */
  endOfInterrupt(vector: number): void {
    for (let pin = 0; pin < ioApicPins; pin++) {
      const low = this.#low[pin] ?? 0;
      if ((low & 0xff) !== vector || (low & (LEVEL | REMOTE_IRR)) !== (LEVEL | REMOTE_IRR))
        continue;
      this.#low[pin] = low & ~REMOTE_IRR;
      if ((this.#asserted & (1 << pin)) !== 0) this.#service(pin);
    }
  }

  /** 4 KiB at 0xfec00000: IOREGSEL at 0, IOWIN at 0x10 (§3.1). */
  readonly region: IoRegion = {
    read: (offset, width) => {
      const word = (offset & ~3) === 0 ? this.#select : (offset & ~3) === 0x10 ? this.#read() : 0;
      const shifted = word >>> (8 * (offset & 3));
      return width === 4 ? shifted : shifted & (2 ** (8 * width) - 1);
    },
    write: (offset, width, value) => {
      if (offset === 0) this.#select = value & 0xff;
      else if (offset === 0x10 && width === 4) this.#write(value >>> 0);
    },
  };

  #read(): number {
    const select = this.#select;
    if (select === 0 || select === 2) return this.#apicId << 24;
    if (select === 1) return VERSION;
    if (select < 0x10 || select >= 0x10 + 2 * ioApicPins) return 0;
    const pin = (select - 0x10) >>> 1;
    return ((select & 1) === 0 ? this.#low[pin] : this.#high[pin]) ?? 0;
  }

  #write(value: number): void {
    const select = this.#select;
    if (select === 0) this.#apicId = (value >>> 24) & 0xf;
    if (select < 0x10 || select >= 0x10 + 2 * ioApicPins) return;
    const pin = (select - 0x10) >>> 1;
    if ((select & 1) !== 0) {
      this.#high[pin] = value & 0xff000000;
      return;
    }
    let low = ((value & ~READ_ONLY) | ((this.#low[pin] ?? 0) & READ_ONLY)) & 0x1ffff;
    // Remote IRR means nothing for edge entries; Linux clears a stuck one by this very switch.
    if ((low & LEVEL) === 0) low &= ~REMOTE_IRR;
    this.#low[pin] = low;
    if ((low & LEVEL) !== 0 && (this.#asserted & (1 << pin)) !== 0) this.#service(pin);
  }

  reset(): void {
    this.#low.fill(MASKED);
    this.#high.fill(0);
    this.#select = 0;
    this.#apicId = 0;
  }

  save() {
    return {
      version: 1,
      data: {
        low: this.#low.slice(),
        high: this.#high.slice(),
        asserted: this.#asserted,
        select: this.#select,
        apicId: this.#apicId,
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#low.set(data.low);
    this.#high.set(data.high);
    this.#asserted = data.asserted;
    this.#select = data.select;
    this.#apicId = data.apicId;
  }
}
