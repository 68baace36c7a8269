/** The host end of a serial port or console: bytes both ways, with flow control towards the guest. */
export interface CharacterBackend {
  /** Bytes from the guest. Must not block; buffers as it needs. */
  write(bytes: Uint8Array): void;
  /** Called once by the device: it takes as many bytes as it has room for and returns that count. */
  connect(receiver: CharacterReceiver): void;
  dispose?(): void;
}
export interface CharacterReceiver {
  /** Bytes for the guest; returns how many were taken. The backend keeps the rest. */
  receive(bytes: Uint8Array): number;
}
/** A device calls this on its backend when it has room again. */
export interface FlowControlled {
  resumeInput(): void;
}
