/**
 * PS/2 mouse (IBM PS/2 technical reference, "auxiliary device") with Microsoft's wheel (ID 3) and five
 * button (ID 4) extensions, which a host switches on by a sequence of sample rates.
 */
import { checkedState, loadDeadline, savedDeadline } from '../../bus/deviceState.ts';
import type { Clock, DeviceId, Timer, VersionedState } from '../../bus/types.ts';
import { Ps2Output, type Ps2Device } from './ps2Device.ts';

const ACK = 0xfa;
const ERROR = 0xfc;
const RESEND = 0xfe;

const command = {
  scaling1: 0xe6,
  scaling2: 0xe7,
  resolution: 0xe8,
  status: 0xe9,
  stream: 0xea,
  read: 0xeb,
  endWrap: 0xec,
  wrap: 0xee,
  remote: 0xf0,
  identify: 0xf2,
  sampleRate: 0xf3,
  enable: 0xf4,
  disable: 0xf5,
  defaults: 0xf6,
  resend: 0xfe,
  reset: 0xff,
} as const;

/** Sample rates set one after another that switch an extension on. */
const wheelKnock = [200, 100, 80];
const buttonKnock = [200, 200, 80];
const sampleRates = [10, 20, 40, 60, 80, 100, 200];
/** What a host that takes nothing is owed: about ten packets, which lie in the kernel's queue in no time. */
const bufferSize = 48;

export class Ps2Mouse implements Ps2Device {
  readonly id: DeviceId = 'ps2-mouse';
  readonly #clock: Clock;
  readonly #sample: Timer;
  readonly #output = new Ps2Output(bufferSize);
  #mouseId = 0;
  #reporting = false;
  #remote = false;
  #wrap = false;
  #doubled = false;
  #resolution = 2;
  #rate = 100;
  #pending = 0;
  #lastRates = [0, 0, 0];
  /** Bit 0 left, 1 right, 2 middle, 3 back, 4 forward. */
  #buttons = 0;
  /** Motion that was not reported, in counts; y up. */
  #dx = 0;
  #dy = 0;
  #dz = 0;
  #nextReportNs = 0;

  constructor(parts: { readonly clock: Clock }) {
    this.#clock = parts.clock;
    this.#sample = parts.clock.timer(() => this.#report());
  }

  get waiting(): boolean {
    return this.#output.waiting;
  }
  get onWaiting(): () => void {
    return this.#output.onWaiting;
  }
  set onWaiting(listener: () => void) {
    this.#output.onWaiting = listener;
  }
  take(): number | undefined {
    const byte = this.#output.take();
    // By the timer: the controller is still busy with this byte.
    if (!this.#output.waiting && this.#streaming && this.#moved)
      this.#sample.arm(this.#nextReportNs);
    return byte;
  }

  /** Counts; x to the right, y down, wheel positive towards the user. */
  move(dx: number, dy: number, wheel = 0): void {
    const bounded = (n: number): number => Math.max(-4096, Math.min(4096, n));
    this.#dx = bounded(this.#dx + dx);
    this.#dy = bounded(this.#dy - dy);
    this.#dz = Math.max(-64, Math.min(64, this.#dz + wheel));
    this.#schedule();
  }

  /** `button` as in InputEvent. */
  button(button: number, down: boolean): void {
    const bit = [1, 4, 2, 8, 16][button] ?? 0;
    const before = this.#buttons;
    this.#buttons = down ? before | bit : before & ~bit;
    // At once, so that a quick click is not lost between two samples.
    if (this.#buttons !== before && this.#streaming) this.#sendPacket();
  }

  get #streaming(): boolean {
    return this.#reporting && !this.#remote && !this.#wrap;
  }

  get #moved(): boolean {
    return Math.trunc(this.#dx) !== 0 || Math.trunc(this.#dy) !== 0 || Math.trunc(this.#dz) !== 0;
  }

  #schedule(): void {
    if (!this.#streaming || !this.#moved || this.#output.waiting) return;
    if (this.#clock.nowNs() >= this.#nextReportNs) this.#report();
    else this.#sample.arm(this.#nextReportNs);
  }

  #report(): void {
    if (this.#streaming && this.#moved && !this.#output.waiting) this.#sendPacket();
  }

  #sendPacket(): void {
    this.#nextReportNs = this.#clock.nowNs() + 1e9 / this.#rate;
    const packet = this.#packet();
    if (this.#output.eventBytes + packet.length <= bufferSize) this.#output.event(packet);
  }

  /** Takes the motion so far: what does not fit into a packet comes with the next. */
  #packet(): number[] {
    const take = (value: number, low: number, high: number): number =>
      Math.max(low, Math.min(high, Math.trunc(value)));
    const dx = take(this.#dx, -256, 255);
    const dy = take(this.#dy, -256, 255);
    this.#dx -= dx;
    this.#dy -= dy;
    const signs = (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0);
    const scaled = (n: number): number => (this.#doubled && !this.#remote ? doubled(n) : n) & 0xff;
    const packet = [0x08 | (this.#buttons & 7) | signs, scaled(dx), scaled(dy)];
    if (this.#mouseId !== 0) {
      const dz = take(this.#dz, -8, 7);
      this.#dz -= dz;
      packet.push(this.#mouseId === 3 ? dz & 0xff : (dz & 0x0f) | ((this.#buttons & 0x18) << 1));
    } else this.#dz = 0;
    return packet;
  }

  receive(byte: number): void {
    this.#output.dropAnswers();
    // Wrap mode echoes everything but the commands that end it.
    if (this.#wrap && byte !== command.endWrap && byte !== command.reset) {
      this.#output.answer(byte);
      return;
    }
    const pending = this.#pending;
    this.#pending = 0;
    if (pending === command.sampleRate) this.#setRate(byte);
    else if (pending === command.resolution) this.#setResolution(byte);
    else this.#command(byte);
  }

  #setRate(rate: number): void {
    if (!sampleRates.includes(rate)) return this.#output.answer(ERROR);
    this.#rate = rate;
    this.#lastRates = [...this.#lastRates.slice(1), rate];
    const knocked = (sequence: number[]): boolean =>
      sequence.every((value, index) => value === this.#lastRates[index]);
    if (this.#mouseId === 0 && knocked(wheelKnock)) this.#mouseId = 3;
    else if (this.#mouseId === 3 && knocked(buttonKnock)) this.#mouseId = 4;
    this.#output.answer(ACK);
  }

  #setResolution(value: number): void {
    if (value > 3) return this.#output.answer(ERROR);
    this.#resolution = value;
    this.#output.answer(ACK);
  }

  #command(byte: number): void {
    switch (byte) {
      case command.scaling1:
      case command.scaling2:
        this.#doubled = byte === command.scaling2;
        return this.#output.answer(ACK);
      case command.resolution:
      case command.sampleRate:
        this.#pending = byte;
        return this.#output.answer(ACK);
      case command.status:
        return this.#output.answer(ACK, this.#status(), this.#resolution, this.#rate);
      case command.stream:
      case command.remote:
        this.#remote = byte === command.remote;
        this.#clear();
        return this.#output.answer(ACK);
      case command.read:
        return this.#output.answer(ACK, ...this.#packet());
      case command.wrap:
      case command.endWrap:
        this.#wrap = byte === command.wrap;
        this.#clear();
        return this.#output.answer(ACK);
      case command.identify:
        return this.#output.answer(ACK, this.#mouseId);
      case command.enable:
        this.#reporting = true;
        this.#clear();
        return this.#output.answer(ACK);
      case command.disable:
        this.#reporting = false;
        this.#clear();
        return this.#output.answer(ACK);
      case command.defaults:
        this.#defaults();
        return this.#output.answer(ACK);
      case command.resend:
        return this.#output.resend();
      case command.reset:
        this.#defaults();
        this.#mouseId = 0;
        this.#wrap = false;
        return this.#output.answer(ACK, 0xaa, 0x00);
      default:
        return this.#output.answer(RESEND);
    }
  }

  #status(): number {
    const buttons =
      ((this.#buttons & 1) << 2) | ((this.#buttons & 4) >>> 1) | ((this.#buttons & 2) >>> 1);
    return (
      buttons |
      (this.#doubled ? 0x10 : 0) |
      (this.#reporting ? 0x20 : 0) |
      (this.#remote ? 0x40 : 0)
    );
  }

  /** Motion that was not reported is forgotten. */
  #clear(): void {
    this.#output.dropEvents();
    this.#sample.cancel();
    this.#dx = this.#dy = this.#dz = 0;
  }

  #defaults(): void {
    this.#clear();
    this.#reporting = false;
    this.#remote = false;
    this.#doubled = false;
    this.#resolution = 2;
    this.#rate = 100;
  }

  reset(): void {
    this.#defaults();
    this.#output.reset();
    this.#mouseId = 0;
    this.#wrap = false;
    this.#pending = 0;
    this.#lastRates = [0, 0, 0];
    this.#buttons = 0;
    this.#nextReportNs = 0;
  }

  save() {
    return {
      version: 1,
      data: {
        output: this.#output.save(),
        mouseId: this.#mouseId,
        reporting: this.#reporting,
        remote: this.#remote,
        wrap: this.#wrap,
        doubled: this.#doubled,
        resolution: this.#resolution,
        rate: this.#rate,
        pending: this.#pending,
        lastRates: [...this.#lastRates],
        buttons: this.#buttons,
        dx: this.#dx,
        dy: this.#dy,
        dz: this.#dz,
        nextReportNs: this.#nextReportNs,
        sampleNs: savedDeadline(this.#sample),
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#output.load(data.output);
    this.#mouseId = data.mouseId;
    this.#reporting = data.reporting;
    this.#remote = data.remote;
    this.#wrap = data.wrap;
    this.#doubled = data.doubled;
    this.#resolution = data.resolution;
    this.#rate = data.rate;
    this.#pending = data.pending;
    this.#lastRates = [...data.lastRates];
    this.#buttons = data.buttons;
    this.#dx = data.dx;
    this.#dy = data.dy;
    this.#dz = data.dz;
    this.#nextReportNs = data.nextReportNs;
    loadDeadline(this.#sample, data.sampleNs);
  }
}

/** 2:1 scaling: 1 1 3 6 9 for 1 to 5, then twice. */
function doubled(n: number): number {
  const size = Math.abs(n);
  const scaled = size <= 5 ? ([0, 1, 1, 3, 6, 9][size] ?? 0) : Math.min(255, 2 * size);
  return n < 0 ? -scaled : scaled;
}
