/**
 * A network cable: an adapter on one end, a network on the other. Frames are Ethernet II without
 * FCS. What a frame still lacks (checksum, cutting into segments) is written as virtio 1.2 §5.1.6 has it.
 */

/** Valid only during the call that it is passed to; who keeps it copies it. */
export interface Frame {
  readonly bytes: Uint8Array;
  /**
   * 0: checksums are complete. Otherwise the one's complement sum from here to the end goes to
   * `checksumStart + checksumOffset`, where the sum of the pseudo header stands.
   */
  readonly checksumStart: number;
  readonly checksumOffset: number;
  /** 0, or TCP payload bytes of each segment that the frame is to be cut into. */
  readonly segmentSize: number;
}

export const plainFrame = (bytes: Uint8Array): Frame => ({
  bytes,
  checksumStart: 0,
  checksumOffset: 0,
  segmentSize: 0,
});

/** One end of a cable. */
export interface FrameEnd {
  /** Takes a frame; or refuses it with false for want of room, and calls `ready` of the other end later. */
  take(frame: Frame): boolean;
  /** The other end has room again after it refused a frame. */
  ready(): void;
  /** The other end has no more frames for now: what was put off until then (acknowledgements) is done. */
  flush(): void;
}

/** What frames an end understands besides complete ones of at most 1514 bytes. */
export interface FrameOffloads {
  /** Frames whose checksum is still to be done. */
  readonly checksum: boolean;
  /** TCP frames up to 64 KiB that are still to be cut (and have no checksum yet). */
  readonly segmentation: boolean;
}

export interface AdapterEnd extends FrameEnd {
  readonly offloads: FrameOffloads;
  /** The cable was plugged in or pulled. */
  linkChanged(up: boolean): void;
}

/** The network's end, as an adapter sees it. */
export interface NetworkBackend extends FrameEnd {
  /** Called once, by the adapter. */
  connect(adapter: AdapterEnd): void;
  readonly linkUp: boolean;
  dispose?(): void;
}
