import type { CharacterBackend, CharacterReceiver, FlowControlled } from '../backends/character.ts';

/**
 * The host end of a serial port: output goes to `sink` in batches (once an event-loop turn), input
 * waits here until the device has room.
 */
export class CharacterQueue implements CharacterBackend, FlowControlled {
  private readonly sink: (bytes: Uint8Array) => void;
  private receiver: CharacterReceiver | undefined;
  private input: Uint8Array[] = [];
  private inputBytes = 0;
  private output = new Uint8Array(4096);
  private outputLength = 0;
  private flushScheduled = false;
  private moving = false;
  /** Called when waiting input has fallen below the low-water mark. */
  onDrained: (() => void) | undefined;

  constructor(sink: (bytes: Uint8Array) => void) {
    this.sink = sink;
  }

  /** Bytes that the guest has not taken yet. */
  get waiting(): number {
    return this.inputBytes;
  }

  send(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.input.push(bytes);
    this.inputBytes += bytes.length;
    this.resumeInput();
  }

  write(bytes: Uint8Array): void {
    if (this.outputLength + bytes.length > this.output.length) this.flush();
    if (bytes.length > this.output.length) {
      this.sink(bytes.slice());
      return;
    }
    this.output.set(bytes, this.outputLength);
    this.outputLength += bytes.length;
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    setImmediate(() => {
      this.flushScheduled = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.outputLength === 0) return;
    const bytes = this.output.slice(0, this.outputLength);
    this.outputLength = 0;
    this.sink(bytes);
  }

  connect(receiver: CharacterReceiver): void {
    this.receiver = receiver;
    this.resumeInput();
  }

  resumeInput(): void {
    // A device may call back from inside receive().
    if (this.moving || !this.receiver) return;
    this.moving = true;
    while (this.input.length > 0) {
      const first = this.input[0] as Uint8Array;
      const taken = this.receiver.receive(first);
      this.inputBytes -= taken;
      if (taken < first.length) {
        if (taken > 0) this.input[0] = first.subarray(taken);
        break;
      }
      this.input.shift();
    }
    this.moving = false;
    if (this.inputBytes < 4096) this.onDrained?.();
  }

  dispose(): void {
    this.flush();
    this.input = [];
    this.inputBytes = 0;
    this.receiver = undefined;
  }
}
