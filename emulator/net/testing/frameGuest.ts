/** A guest made of hand-written frames: it knows how to open a connection, send, and acknowledge. */
import type { Frame, FrameEnd } from '../../backends/network.ts';
import { plainFrame } from '../../backends/network.ts';
import { setU16 } from '../packet/byteOrder.ts';
import { checksumOf, pseudoHeaderSum, sumBytes } from '../packet/checksum.ts';
import { ip, type IpAddress } from '../packet/ipAddress.ts';
import { IpPacket, protocol, writeHeaders, type IpPath } from '../packet/ipPacket.ts';
import { completeFrames } from '../packet/offload.ts';
import { TcpSegment, tcpFlag, writeSynOptions, writeTcpHeader } from '../packet/tcpSegment.ts';

export const guestMac = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
export const gatewayMac = Uint8Array.of(0x52, 0x55, 0x0a, 0, 2, 2);

export interface GuestTcp {
  readonly port: number;
  readonly remotePort: number;
  readonly remote: IpAddress;
  sequence: number;
  acknowledged: number;
}

export class FrameGuest implements FrameEnd {
  readonly address: IpAddress;
  readonly mac: Uint8Array;
  network: FrameEnd | undefined;
  /** Complete frames that came, while `keep` is set. */
  readonly frames: Uint8Array[] = [];
  keep = true;
  /** Refuses frames while set. */
  full = false;
  onFrame: (frame: Frame) => void = () => undefined;

  /** `last`: the last byte of its address. */
  constructor(last = 15) {
    this.address = ip(`10.0.2.${last}`);
    this.mac = guestMac.slice();
    this.mac[4] = last;
  }

  take(frame: Frame): boolean {
    if (this.full) return false;
    this.onFrame(frame);
    if (this.keep) completeFrames(frame, ({ bytes }) => void this.frames.push(bytes.slice()));
    return true;
  }
  ready(): void {}
  flush(): void {}

  send(bytes: Uint8Array): void {
    this.network?.take(plainFrame(bytes));
  }

  path(remote: IpAddress): IpPath {
    return { sourceMac: this.mac, targetMac: gatewayMac, source: this.address, target: remote };
  }

  udp(remote: IpAddress, from: number, to: number, payload: Uint8Array): void {
    const frame = new Uint8Array(42 + payload.length);
    writeHeaders(frame, this.path(remote), protocol.udp, 8 + payload.length);
    setU16(frame, 34, from);
    setU16(frame, 36, to);
    setU16(frame, 38, 8 + payload.length);
    frame.set(payload, 42);
    const pseudo = pseudoHeaderSum(this.address, remote, protocol.udp, 8 + payload.length);
    setU16(frame, 40, checksumOf(sumBytes(frame, 34, frame.length, pseudo)));
    this.send(frame);
  }

  tcp(
    connection: GuestTcp,
    flags: number,
    payload: Uint8Array = new Uint8Array(0),
    options: Uint8Array = new Uint8Array(0),
  ): Uint8Array {
    const { remote } = connection;
    const frame = new Uint8Array(54 + options.length + payload.length);
    const length = 20 + options.length + payload.length;
    writeHeaders(frame, this.path(remote), protocol.tcp, length);
    frame.set(options, 54);
    frame.set(payload, 54 + options.length);
    writeTcpHeader(
      frame,
      34,
      {
        sourcePort: connection.port,
        targetPort: connection.remotePort,
        sequence: connection.sequence,
        acknowledgement: connection.acknowledged,
        flags,
        window: 0xffff,
      },
      options.length,
    );
    const pseudo = pseudoHeaderSum(this.address, remote, protocol.tcp, length);
    setU16(frame, 50, checksumOf(sumBytes(frame, 34, frame.length, pseudo)));
    return frame;
  }

  /** Opens a connection; resolves when the SYN was answered. */
  async connect(
    port: number,
    remote: IpAddress = ip('198.51.100.1'),
    remotePort = 80,
  ): Promise<GuestTcp> {
    const connection = { port, remote, remotePort, sequence: 1000, acknowledged: 0 };
    const options = new Uint8Array(12);
    writeSynOptions(options, 0, { maxSegment: 1460, windowScale: 10, sack: true });
    const syn = this.tcp(connection, tcpFlag.syn, undefined, options);
    const first = this.frames.length;
    this.send(syn);
    await Promise.resolve();
    const answer = this.segments(first).find((s) => s.targetPort === port && s.syn);
    if (answer === undefined) throw new Error('the SYN was not answered');
    connection.sequence = 1001;
    connection.acknowledged = (answer.sequence + 1) >>> 0;
    this.send(this.tcp(connection, tcpFlag.ack));
    return connection;
  }

  /** The TCP segments among the kept frames, from one on. */
  segments(first = 0): TcpSegment[] {
    return this.frames.slice(first).flatMap((frame) => {
      const packet = new IpPacket();
      const segment = new TcpSegment();
      if (!packet.parse(frame) || packet.protocol !== protocol.tcp) return [];
      return segment.parse(frame, packet.payload, packet.end) ? [segment] : [];
    });
  }
}
