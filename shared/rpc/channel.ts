/**
 * A two-way line for structured messages. Binary (Uint8Array) arrives as Uint8Array on every kind.
 *
 * Every implementation delivers each message in an event-loop task of its own, so that what awaits
 * an answer has run before the next message is seen. Serial attachment relies on that: the history
 * is answered first and no output after it is lost, doubled or reordered.
 */
export interface Channel {
  /** Sends; silently drops when closed. */
  post(message: unknown): void;
  /** Sets the one listener; messages before it are kept. */
  onMessage(listener: (message: unknown) => void): void;
  /** Called once, also when it was closed before; `reason` is for people. */
  onClose(listener: (reason: string) => void): void;
  close(): void;
}

/** Keeps messages until somebody listens and remembers that the line closed. */
export class ChannelEvents {
  private listener: ((message: unknown) => void) | undefined;
  private waiting: unknown[] = [];
  private closeListeners: ((reason: string) => void)[] = [];
  private closedReason: string | undefined;

  get closed(): boolean {
    return this.closedReason !== undefined;
  }

  deliver(message: unknown): void {
    if (this.listener) this.listener(message);
    else this.waiting.push(message);
  }

  onMessage(listener: (message: unknown) => void): void {
    this.listener = listener;
    const waiting = this.waiting;
    this.waiting = [];
    for (const message of waiting) listener(message);
  }

  /** Returns false when it was closed before. */
  closeWith(reason: string): boolean {
    if (this.closedReason !== undefined) return false;
    this.closedReason = reason;
    const listeners = this.closeListeners;
    this.closeListeners = [];
    for (const listener of listeners) listener(reason);
    return true;
  }

  onClose(listener: (reason: string) => void): void {
    if (this.closedReason !== undefined) listener(this.closedReason);
    else this.closeListeners.push(listener);
  }
}
