/**
 * PS/2 keyboard (IBM PS/2 technical reference, "101/102-key keyboard"): commands, scan code sets 1 to 3,
 * typematic repeat, LEDs. What keys send is in scanCodes.ts.
 */
import { checkedState, loadDeadline, savedDeadline } from '../../bus/deviceState.ts';
import type { Clock, DeviceId, Timer, VersionedState } from '../../bus/types.ts';
import { keys } from '../../../shared/input/keys.ts';
import { Ps2Output, type Ps2Device } from './ps2Device.ts';
import { scanCode } from './scanCodes.ts';

const ACK = 0xfa;
const RESEND = 0xfe;
const SELF_TEST_PASSED = 0xaa;
const IDENTITY = [0xab, 0x83];

const command = {
  setLeds: 0xed,
  echo: 0xee,
  scanCodeSet: 0xf0,
  identify: 0xf2,
  typematic: 0xf3,
  enable: 0xf4,
  disable: 0xf5,
  defaults: 0xf6,
  allTypematic: 0xf7,
  allMakeBreak: 0xf8,
  allMake: 0xf9,
  allTypematicMakeBreak: 0xfa,
  keyTypematic: 0xfb,
  keyMakeBreak: 0xfc,
  keyMake: 0xfd,
  resend: 0xfe,
  reset: 0xff,
} as const;

/** Set 3 lets the host choose what a key does: repeat, and tell when it goes up. */
const REPEATS = 1;
const BREAKS = 2;

/** Bytes kept for a host that does not take them; real ones have 16, too few for a paste. */
const bufferSize = 128;
/** 500 ms, 10.9 characters a second. */
const defaultTypematic = 0x2b;

export class Ps2Keyboard implements Ps2Device {
  readonly id: DeviceId = 'ps2-keyboard';
  readonly #clock: Clock;
  readonly #repeat: Timer;
  readonly #output = new Ps2Output(bufferSize);
  readonly #setLeds: (leds: number) => void;
  #scanning = true;
  #set = 2;
  #typematic = defaultTypematic;
  #leds = 0;
  /** The command whose argument comes next, or 0. */
  #pending = 0;
  #held = new Set<string>();
  #repeating = '';
  /** By set 3 code. */
  #keyTypes = new Uint8Array(256).fill(REPEATS | BREAKS);

  /** `setLeds` is told of changes: bit 0 Scroll Lock, 1 Num Lock, 2 Caps Lock. */
  constructor(parts: { readonly clock: Clock; readonly setLeds?: (leds: number) => void }) {
    this.#clock = parts.clock;
    this.#setLeds = parts.setLeds ?? (() => undefined);
    this.#repeat = parts.clock.timer(() => this.#repeatKey());
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
    return this.#output.take();
  }
  get leds(): number {
    return this.#leds;
  }

  /** A key by its `KeyboardEvent.code` goes down or up. Repeats of the host and unknown keys are ignored. */
  key(name: string, down: boolean): void {
    if (!keys.has(name) || this.#held.has(name) === down) return;
    // A modifier counts as it was before this key.
    const modifiers = this.#modifiers();
    if (down) this.#held.add(name);
    else this.#held.delete(name);
    if (down && name !== 'Pause') {
      this.#repeating = name;
      this.#armRepeat(this.#delayNs());
    } else if (!down && this.#repeating === name) this.#stopRepeat();
    this.#send(name, down, modifiers);
  }

  #modifiers() {
    const held = (name: string): boolean => this.#held.has(name);
    return {
      control: held('ControlLeft') || held('ControlRight'),
      alt: held('AltLeft') || held('AltRight'),
    };
  }

  #send(name: string, down: boolean, modifiers = this.#modifiers()): void {
    if (!this.#scanning) return;
    if (this.#set === 3 && !down && (this.#keyType(name) & BREAKS) === 0) return;
    const code = scanCode(this.#set, name, down, modifiers);
    // The last byte of a full buffer says that keys were lost.
    const overrun = this.#output.eventBytes + code.length >= bufferSize;
    this.#output.event(overrun ? [this.#set === 1 ? 0xff : 0x00] : code);
  }

  #keyType(name: string): number {
    return this.#keyTypes[keys.get(name)?.set3 ?? 0] ?? 0;
  }

  #armRepeat(delayNs: number): void {
    if (this.#scanning) this.#repeat.arm(this.#clock.nowNs() + delayNs);
  }

  #stopRepeat(): void {
    this.#repeating = '';
    this.#repeat.cancel();
  }

  #repeatKey(): void {
    const name = this.#repeating;
    if (!this.#held.has(name)) return;
    // A host that does not keep up would see a key repeat long after it went up.
    if (this.#output.eventBytes === 0 && (this.#set !== 3 || (this.#keyType(name) & REPEATS) !== 0))
      this.#send(name, true);
    this.#armRepeat(this.#periodNs());
  }

  /** Delay before the first repeat: bits 5 and 6, in steps of 250 ms. */
  #delayNs(): number {
    return (((this.#typematic >>> 5) & 3) + 1) * 250e6;
  }

  /** (8 + A) * 2^B * 4.17 ms with A in bits 0 to 2, B in bits 3 and 4. */
  #periodNs(): number {
    return (8 + (this.#typematic & 7)) * 2 ** ((this.#typematic >>> 3) & 3) * 4.17e6;
  }

  receive(byte: number): void {
    this.#output.dropAnswers();
    const pending = this.#pending;
    this.#pending = 0;
    // A command in the place of an argument is taken as a command.
    if (pending !== 0 && (byte < command.setLeds || isKeyType(pending)))
      this.#argument(pending, byte);
    else this.#command(byte);
  }

  #argument(pending: number, byte: number): void {
    switch (pending) {
      case command.setLeds:
        this.#leds = byte & 7;
        this.#setLeds(this.#leds);
        break;
      case command.scanCodeSet:
        if (byte > 3) return this.#output.answer(RESEND);
        if (byte === 0) return this.#output.answer(ACK, this.#set);
        this.#set = byte;
        break;
      case command.typematic:
        this.#typematic = byte & 0x7f;
        break;
      default:
        // More keys may follow until another command comes.
        if (byte < command.setLeds) {
          this.#keyTypes[byte] = keyTypeOf(pending);
          this.#pending = pending;
        } else return this.#command(byte);
    }
    this.#output.answer(ACK);
  }

  #command(byte: number): void {
    switch (byte) {
      case command.echo:
        return this.#output.answer(command.echo);
      case command.identify:
        return this.#output.answer(ACK, ...IDENTITY);
      case command.setLeds:
      case command.scanCodeSet:
      case command.typematic:
      case command.keyTypematic:
      case command.keyMakeBreak:
      case command.keyMake:
        this.#pending = byte;
        return this.#output.answer(ACK);
      case command.enable:
        this.#output.dropEvents();
        this.#scanning = true;
        return this.#output.answer(ACK);
      case command.disable:
        this.#defaults();
        this.#scanning = false;
        return this.#output.answer(ACK);
      case command.defaults:
        this.#defaults();
        return this.#output.answer(ACK);
      case command.allTypematic:
      case command.allMakeBreak:
      case command.allMake:
      case command.allTypematicMakeBreak:
        this.#keyTypes.fill(keyTypeOf(byte));
        return this.#output.answer(ACK);
      case command.resend:
        return this.#output.resend();
      case command.reset:
        this.#defaults();
        this.#set = 2;
        this.#scanning = true;
        this.#leds = 0;
        this.#setLeds(0);
        return this.#output.answer(ACK, SELF_TEST_PASSED);
      default:
        return this.#output.answer(RESEND);
    }
  }

  #defaults(): void {
    this.#output.dropEvents();
    this.#stopRepeat();
    this.#typematic = defaultTypematic;
    this.#keyTypes.fill(REPEATS | BREAKS);
  }

  reset(): void {
    this.#output.reset();
    this.#defaults();
    this.#set = 2;
    this.#scanning = true;
    this.#leds = 0;
    this.#pending = 0;
    this.#held.clear();
  }

  save() {
    return {
      version: 1,
      data: {
        output: this.#output.save(),
        scanning: this.#scanning,
        set: this.#set,
        typematic: this.#typematic,
        leds: this.#leds,
        pending: this.#pending,
        held: [...this.#held],
        repeating: this.#repeating,
        repeatNs: savedDeadline(this.#repeat),
        keyTypes: this.#keyTypes.slice(),
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#output.load(data.output);
    this.#scanning = data.scanning;
    this.#set = data.set;
    this.#typematic = data.typematic;
    this.#leds = data.leds;
    this.#pending = data.pending;
    this.#held = new Set(data.held);
    this.#repeating = data.repeating;
    loadDeadline(this.#repeat, data.repeatNs);
    this.#keyTypes.set(data.keyTypes);
  }
}

const isKeyType = (byte: number): boolean =>
  byte === command.keyTypematic || byte === command.keyMakeBreak || byte === command.keyMake;

function keyTypeOf(byte: number): number {
  switch (byte) {
    case command.allTypematic:
    case command.keyTypematic:
      return REPEATS;
    case command.allMakeBreak:
    case command.keyMakeBreak:
      return BREAKS;
    case command.allTypematicMakeBreak:
      return REPEATS | BREAKS;
    default:
      return 0;
  }
}
