/** The PS/2 mouse: INT 15h AH=C2h (IBM PS/2 BIOS reference) and INT 74h. */
import type { BiosContext } from './biosContext.ts';
import { inb, outb } from './biosContext.ts';
import type { CallFrame } from './callFrame.ts';

const OUTPUT_FULL = 0x01;
const INPUT_FULL = 0x02;
const FROM_MOUSE = 0x20;
const ACKNOWLEDGE = 0xfa;

const status = {
  ok: 0,
  badFunction: 1,
  badInput: 2,
  interface: 3,
  resend: 4,
  noHandler: 5,
} as const;
const rates = [10, 20, 40, 60, 80, 100, 200];

export class Pointer {
  readonly #context: BiosContext;
  #handler = 0;
  #packetSize = 3;
  #packet: number[] = [];

  constructor(context: BiosContext) {
    this.#context = context;
  }

  /** INT 74h: a byte has come. The words for the stub: 0, or 1, status, x, y, z, handler. */
  interrupt(): number[] {
    const state = inb(this.#context, 0x64);
    if ((state & OUTPUT_FULL) === 0) return [];
    const byte = inb(this.#context, 0x60);
    if ((state & FROM_MOUSE) === 0) return [];
    // The first byte of a packet has bit 3 set.
    if (this.#packet.length === 0 && (byte & 0x08) === 0) return [];
    this.#packet.push(byte);
    if (this.#packet.length < this.#packetSize) return [];
    const [buttons = 0, x = 0, y = 0, z = 0] = this.#packet;
    this.#packet = [];
    if (this.#handler === 0) return [];
    return [1, buttons, x, y, z, this.#handler & 0xffff, this.#handler >>> 16];
  }

  #waitForRoom(): void {
    for (let i = 0; i < 100 && (inb(this.#context, 0x64) & INPUT_FULL) !== 0; i++);
  }

  #receive(): number | undefined {
    for (let i = 0; i < 100; i++) {
      const state = inb(this.#context, 0x64);
      if ((state & OUTPUT_FULL) === 0) continue;
      const byte = inb(this.#context, 0x60);
      if ((state & FROM_MOUSE) !== 0) return byte;
    }
    return undefined;
  }

  /** Sends bytes to the mouse and collects `answers` bytes after the acknowledgements. */
  #send(bytes: readonly number[], answers = 0): number[] | undefined {
    const interrupts = this.#configuration();
    this.#configure(interrupts & ~0x03);
    try {
      for (const byte of bytes) {
        this.#waitForRoom();
        outb(this.#context, 0x64, 0xd4);
        this.#waitForRoom();
        outb(this.#context, 0x60, byte);
        if (this.#receive() !== ACKNOWLEDGE) return undefined;
      }
      const result: number[] = [];
      for (let i = 0; i < answers; i++) {
        const byte = this.#receive();
        if (byte === undefined) return undefined;
        result.push(byte);
      }
      return result;
    } finally {
      this.#configure(interrupts);
    }
  }

  #configuration(): number {
    this.#waitForRoom();
    outb(this.#context, 0x64, 0x20);
    for (let i = 0; i < 100 && (inb(this.#context, 0x64) & OUTPUT_FULL) === 0; i++);
    return inb(this.#context, 0x60);
  }

  #configure(value: number): void {
    this.#waitForRoom();
    outb(this.#context, 0x64, 0x60);
    this.#waitForRoom();
    outb(this.#context, 0x60, value);
  }

  service(frame: CallFrame): 'done' {
    const result = this.#call(frame);
    frame.ah = result;
    frame.carry = result !== status.ok;
    return 'done';
  }

  #call(frame: CallFrame): number {
    const simple = (answer: readonly number[] | undefined): number =>
      answer === undefined ? status.interface : status.ok;
    switch (frame.al) {
      case 0x00:
        if (frame.bh > 1) return status.badInput;
        if (frame.bh === 1) {
          if (this.#handler === 0) return status.noHandler;
          // The mouse's port, and its interrupt.
          this.#configure((this.#configuration() | 0x02) & ~0x20);
        }
        this.#packet = [];
        return simple(this.#send([frame.bh === 1 ? 0xf4 : 0xf5]));
      case 0x05:
        if (frame.bh < 1 || frame.bh > 8) return status.badInput;
        this.#packetSize = frame.bh;
        return this.#reset(frame);
      case 0x01:
        return this.#reset(frame);
      case 0x02: {
        const rate = rates[frame.bh];
        return rate === undefined ? status.badInput : simple(this.#send([0xf3, rate]));
      }
      case 0x03:
        return frame.bh > 3 ? status.badInput : simple(this.#send([0xe8, frame.bh]));
      case 0x04: {
        const answer = this.#send([0xf2], 1);
        if (answer === undefined) return status.interface;
        frame.bh = answer[0] ?? 0;
        return status.ok;
      }
      case 0x06:
        if (frame.bh === 0) {
          const answer = this.#send([0xe9], 3);
          if (answer === undefined) return status.interface;
          [frame.bl, frame.cl, frame.dl] = answer as [number, number, number];
          return status.ok;
        }
        return frame.bh > 2 ? status.badInput : simple(this.#send([frame.bh === 1 ? 0xe6 : 0xe7]));
      case 0x07:
        this.#handler = frame.es * 0x10000 + frame.bx;
        return status.ok;
      default:
        return status.badFunction;
    }
  }

  #reset(frame: CallFrame): number {
    this.#packet = [];
    this.#configure((this.#configuration() | 0x02) & ~0x20);
    const answer = this.#send([0xff], 2);
    if (answer === undefined) return status.interface;
    [frame.bl, frame.bh] = answer as [number, number];
    return status.ok;
  }

  reset(): void {
    this.#handler = 0;
    this.#packetSize = 3;
    this.#packet = [];
  }

  save() {
    return { handler: this.#handler, packetSize: this.#packetSize, packet: [...this.#packet] };
  }

  load(saved: ReturnType<Pointer['save']>): void {
    this.#handler = saved.handler;
    this.#packetSize = saved.packetSize;
    this.#packet = [...saved.packet];
  }
}
