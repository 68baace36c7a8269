/**
 * DHCP server (RFC 2131, options of RFC 2132): one address per MAC address, for as long as the network
 * lives, the first to ask gets the first. BOOTP clients get the same. Names that clients give
 * themselves become known to the DNS forwarder.
 */
import { setU32, u16, u32 } from '../packet/byteOrder.ts';
import { broadcastMac, macKey, type Mac } from '../packet/ethernet.ts';
import { formatIp, type IpAddress } from '../packet/ipAddress.ts';
import type { FrameWriter } from './frameWriter.ts';
import type { UserAddresses } from './userAddresses.ts';

const kind = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;
const option = {
  subnetMask: 1, router: 3, dns: 6, hostName: 12, domain: 15, mtu: 26, requestedAddress: 50, leaseTime: 51,
  overload: 52, messageType: 53, serverId: 54, tftpServer: 66, bootFile: 67, userClass: 77, end: 255,
} as const; // prettier-ignore
const magic = 0x63825363;
const header = 240;
const leaseSeconds = 86_400;

export interface DhcpOptions {
  /** File that network boot asks for. */
  readonly bootFile?: string;
  /** What iPXE is to go on with, which says so in its user class: else it would load itself again and again. */
  readonly ipxeFile?: string;
  readonly nameLearned: (name: string, address: IpAddress) => void;
}

export class DhcpServer {
  readonly #addresses: UserAddresses;
  readonly #writer: FrameWriter;
  readonly #options: DhcpOptions;
  /** Index of the address by MAC. */
  readonly #leases = new Map<number, number>();

  constructor(addresses: UserAddresses, writer: FrameWriter, options: DhcpOptions) {
    this.#addresses = addresses;
    this.#writer = writer;
    this.#options = options;
  }

  #address(index: number): IpAddress {
    const address = this.#addresses.firstGuest4.slice();
    setU32(address, 0, u32(address, 0) + index);
    return address;
  }

  /** The address of a MAC, given out now if there is one left: the one it wants, if that is free. */
  lease(mac: Mac, wanted?: Uint8Array): IpAddress | undefined {
    const key = macKey(mac, 0);
    let index = this.#leases.get(key);
    if (index === undefined) {
      const { guests, firstGuest4 } = this.#addresses;
      if (this.#leases.size >= guests) return undefined;
      const taken = new Set(this.#leases.values());
      // A guest of a network whose gateway is new keeps its address.
      const asked = wanted?.length === 4 ? u32(wanted, 0) - u32(firstGuest4, 0) : -1;
      index = asked >= 0 && asked < guests && !taken.has(asked) ? asked : 0;
      while (taken.has(index)) index++;
      this.#leases.set(key, index);
    }
    return this.#address(index);
  }

  /** A datagram to port 67: the UDP payload. */
  input(message: Uint8Array): void {
    // BOOTREQUEST over Ethernet.
    if (message.length < header || message[0] !== 1 || message[1] !== 1 || message[2] !== 6) return;
    if (u32(message, 236) !== magic) return;
    const options = parseOptions(message);
    const asked = options.get(option.messageType)?.[0];
    const mac = message.slice(28, 34);
    if (((mac[0] as number) & 1) !== 0) return;
    const server = options.get(option.serverId);
    if (server !== undefined && !same(server, this.#addresses.gateway4)) return;
    if (asked === kind.release || asked === kind.decline) return;
    const current = message.slice(12, 16);
    const wanted = options.get(option.requestedAddress) ?? current;
    const lease = this.lease(mac, wanted);
    if (lease === undefined) return;
    const name = new TextDecoder('latin1').decode(options.get(option.hostName) ?? new Uint8Array());
    if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(name)) this.#options.nameLearned(name, lease);
    const file = this.#bootFile(options);
    const reply = (type?: number, address: IpAddress | undefined = lease): void =>
      this.#reply(message, { type, address, file });
    if (asked === kind.inform) this.#reply(message, { type: kind.ack, address: undefined, file });
    else if (asked === kind.discover) reply(kind.offer);
    else if (asked === kind.request) {
      reply(same(wanted, lease) ? kind.ack : kind.nak);
    } else if (asked === undefined) reply();
  }

  #bootFile(options: ReadonlyMap<number, Uint8Array>): Uint8Array {
    const { bootFile = '', ipxeFile } = this.#options;
    const userClass = new TextDecoder('latin1').decode(options.get(option.userClass));
    const file = userClass.includes('iPXE') ? (ipxeFile ?? bootFile) : bootFile;
    return new TextEncoder().encode(file).subarray(0, 127);
  }

  #reply(
    request: Uint8Array,
    answer: {
      readonly type: number | undefined;
      /** Undefined: the client has one of its own. */
      readonly address: IpAddress | undefined;
      readonly file: Uint8Array;
    },
  ): void {
    const { type, address, file } = answer;
    const { gateway4, dns4, bits4, mac, domain, isolated = false } = this.#addresses;
    const nak = type === kind.nak;
    const reply = new Uint8Array(548);
    reply.set([2, 1, 6, 0], 0);
    reply.set(request.subarray(4, 8), 4);
    // Flags, client's own address, relay, hardware address.
    reply.set(request.subarray(10, 12), 10);
    if (!nak) reply.set(request.subarray(12, 16), 12);
    if (!nak && address !== undefined) reply.set(address, 16);
    if (!nak) reply.set(gateway4, 20);
    reply.set(request.subarray(24, 44), 24);
    if (!nak) reply.set(file, 108);
    setU32(reply, 236, magic);
    let at = header;
    const put = (code: number, ...bytes: number[]): void => {
      reply.set([code, bytes.length, ...bytes], at);
      at += 2 + bytes.length;
    };
    const u32Bytes = (value: number): number[] => [24, 16, 8, 0].map((s) => (value >>> s) & 255);
    if (type !== undefined) put(option.messageType, type);
    put(option.serverId, ...gateway4);
    if (!nak) {
      if (address !== undefined) put(option.leaseTime, ...u32Bytes(leaseSeconds));
      put(option.subnetMask, ...u32Bytes((0xffffffff << (32 - bits4)) >>> 0));
      if (!isolated) {
        put(option.router, ...gateway4);
        put(option.dns, ...dns4);
        put(option.domain, ...new TextEncoder().encode(domain));
      }
      if (file.length > 0) {
        put(option.tftpServer, ...new TextEncoder().encode(formatIp(gateway4)));
        put(option.bootFile, ...file);
      }
    }
    reply[at++] = option.end;
    const broadcast = nak || (u16(request, 10) & 0x8000) !== 0;
    const current = request.slice(12, 16);
    const unicast = current.some((byte) => byte !== 0) ? current : (address ?? current);
    this.#writer.udp(
      {
        sourceMac: mac,
        targetMac: broadcast ? broadcastMac : request.slice(28, 34),
        source: gateway4,
        target: broadcast ? Uint8Array.of(255, 255, 255, 255) : unicast,
      },
      67,
      68,
      // BOOTP's least length.
      reply.subarray(0, Math.max(300, at)),
    );
  }
}

function parseOptions(message: Uint8Array): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (let at = header; at < message.length;) {
    const code = message[at] as number;
    if (code === option.end) break;
    if (code === 0) {
      at++;
      continue;
    }
    const length = at + 1 < message.length ? (message[at + 1] as number) : 0;
    if (at + 2 + length > message.length) break;
    options.set(code, message.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return options;
}

const same = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
