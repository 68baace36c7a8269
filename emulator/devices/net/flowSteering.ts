/**
 * Which pair of queues a flow belongs to: the one that the guest last sent of it with (virtio 1.2 §5.1.6.5.6.1,
 * automatic receive steering). Flows share 256 places by a hash that is the same in both directions.
 */
const ethertype = { ipv4: 0x0800, ipv6: 0x86dd } as const;
const protocol = { tcp: 6, udp: 17 } as const;

export class FlowSteering {
  /** Pair by hash. */
  readonly pairs = new Uint8Array(256);

  /** The guest has sent a frame with a pair's queue. */
  note(frame: Uint8Array, pair: number): void {
    this.pairs[flowHash(frame)] = pair;
  }

  /** 0 for flows that have not been seen. */
  pairOf(frame: Uint8Array): number {
    return this.pairs[flowHash(frame)] ?? 0;
  }
}

/** 0..255, of addresses and of ports where there are any; 0 for what is not IP. */
function flowHash(frame: Uint8Array): number {
  const u16 = (at: number): number => ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
  const type = u16(12);
  let hash = 0;
  let ports = 0;
  if (type === ethertype.ipv4) {
    for (let at = 26; at < 34; at += 2) hash ^= u16(at);
    const unfragmented = (u16(20) & 0x3fff) === 0;
    if (unfragmented && hasPorts(frame[23])) ports = 14 + ((frame[14] ?? 0) & 15) * 4;
  } else if (type === ethertype.ipv6) {
    for (let at = 22; at < 54; at += 2) hash ^= u16(at);
    if (hasPorts(frame[20])) ports = 54;
  }
  if (ports > 0) hash ^= u16(ports) ^ u16(ports + 2);
  return (hash ^ (hash >> 8)) & 255;
}

const hasPorts = (kind: number | undefined): boolean =>
  kind === protocol.tcp || kind === protocol.udp;
