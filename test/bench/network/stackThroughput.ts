/**
 * `npm run bench -- --network`: bytes through TCP termination of the user-mode network, by CPU time, without
 * a guest and without host sockets: frames in, payload out, and the other way. The frames' maker is in
 * the time as well.
 */
import { HostEntropy } from '../../../emulator/bus/entropy.ts';
import type { Frame } from '../../../emulator/backends/network.ts';
import { FrameGuest, type GuestTcp } from '../../../emulator/net/testing/frameGuest.ts';
import { MemoryHost, type MemoryTcp } from '../../../emulator/net/testing/memoryHost.ts';
import { setU16, setU32 } from '../../../emulator/net/packet/byteOrder.ts';
import { checksumOf, pseudoHeaderSum, sumBytes } from '../../../emulator/net/packet/checksum.ts';
import { completeFrames } from '../../../emulator/net/packet/offload.ts';
import { IpPacket, protocol } from '../../../emulator/net/packet/ipPacket.ts';
import { seqDiff, tcpFlag, TcpSegment } from '../../../emulator/net/packet/tcpSegment.ts';
import { UserNetwork } from '../../../emulator/net/user/userNetwork.ts';
import { HostTime } from '../../../emulator/host/hostTime.ts';

interface Bench {
  readonly guest: FrameGuest;
  readonly network: UserNetwork;
  readonly socket: MemoryTcp;
  readonly connection: GuestTcp;
}

async function connected(): Promise<Bench> {
  const guest = new FrameGuest();
  const host = new MemoryHost();
  const network = new UserNetwork(guest, {
    clock: new HostTime(),
    host,
    entropy: new HostEntropy(),
  });
  guest.network = network;
  const connection = await guest.connect(40_000);
  guest.keep = false;
  return { guest, network, connection, socket: host.sockets[0] as MemoryTcp };
}

/** Time of a core, whatever else the machine does. */
function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

/** Gbit/s of payload from the guest; `offload`: frames of 64 KiB without checksums, as virtio-net gives them. */
async function fromGuest(megabytes: number, offload: boolean): Promise<number> {
  const { guest, network, connection, socket } = await connected();
  const size = offload ? 44 * 1460 : 1460;
  const frame = guest.tcp(connection, tcpFlag.ack, new Uint8Array(size).fill(7));
  const pseudo = pseudoHeaderSum(guest.address, connection.remote, protocol.tcp, 20 + size);
  const start = process.cpuUsage();
  let sequence = connection.sequence;
  const end = megabytes * 1e6;
  while (socket.received < end) {
    setU32(frame, 38, sequence);
    setU16(frame, 50, 0);
    if (!offload) setU16(frame, 50, checksumOf(sumBytes(frame, 34, frame.length, pseudo)));
    network.take({
      bytes: frame,
      checksumStart: offload ? 34 : 0,
      checksumOffset: 16,
      segmentSize: offload ? 1460 : 0,
    });
    sequence = (sequence + size) >>> 0;
    network.flush();
  }
  const seconds = cpuSeconds(start);
  network.dispose();
  return (socket.received * 8) / 1e9 / seconds;
}

/** Gbit/s of payload to the guest, which acknowledges every frame, or every other one. */
async function toGuest(megabytes: number, offload: boolean): Promise<number> {
  const { guest, network, connection, socket } = await connected();
  const packet = new IpPacket();
  const segment = new TcpSegment();
  let next = connection.acknowledged;
  let bytes = 0;
  let frames = 0;
  let acknowledged = next;
  const read = ({ bytes: frame }: Frame): void => {
    if (!packet.parse(frame) || !segment.parse(frame, packet.payload, packet.end)) return;
    if (segment.length === 0 || segment.sequence !== next) return;
    if (!offload) {
      const pseudo = pseudoHeaderSum(
        packet.source,
        packet.target,
        protocol.tcp,
        packet.end - packet.payload,
      );
      if (sumBytes(frame, packet.payload, packet.end, pseudo) !== 0xffff)
        throw new Error('bad checksum');
    }
    next = (next + segment.length) >>> 0;
    bytes += segment.length;
    frames++;
  };
  guest.onFrame = (frame) => (offload ? read(frame) : completeFrames(frame, read));
  const chunk = new Uint8Array(65_536).fill(9);
  const start = process.cpuUsage();
  const end = megabytes * 1e6;
  while (bytes < end) {
    while (!socket.paused) socket.events.data(chunk);
    if (next === acknowledged) throw new Error(`the stack stands still after ${frames} frames`);
    // As Linux does, half a window at a time.
    while (seqDiff(next, acknowledged) > 0) {
      acknowledged = offload
        ? next
        : (acknowledged + Math.min(2920, seqDiff(next, acknowledged))) >>> 0;
      const ack = guest.tcp({ ...connection, acknowledged }, tcpFlag.ack);
      network.take({ bytes: ack, checksumStart: 0, checksumOffset: 0, segmentSize: 0 });
    }
    network.flush();
  }
  const seconds = cpuSeconds(start);
  network.dispose();
  return (bytes * 8) / 1e9 / seconds;
}

export async function benchStack(rounds = 3): Promise<void> {
  const rows = [
    ['guest to host, 1514-byte frames with checksums', () => fromGuest(300, false)],
    ['guest to host, segmentation offload', () => fromGuest(2000, true)],
    ['host to guest, 1514-byte frames with checksums', () => toGuest(300, false)],
    ['host to guest, segmentation offload', () => toGuest(2000, true)],
  ] as const;
  process.stdout.write(
    '\nTCP termination without a guest, Gbit of payload per second of CPU time, best and median\n',
  );
  for (const [name, run] of rows) {
    const results: number[] = [];
    for (let i = 0; i < rounds; i++) results.push(await run());
    results.sort((a, b) => a - b);
    const [best, middle] = [results[rounds - 1] ?? 0, results[rounds >> 1] ?? 0];
    process.stdout.write(
      `${name.padEnd(50)} ${best.toFixed(2).padStart(8)} ${middle.toFixed(2).padStart(8)}\n`,
    );
  }
}
