import { describe, expect, it } from 'vitest';
import { sumBytes } from './checksum.ts';
import { formatIp, inPrefix, ip, parseIp, unmapped } from './ipAddress.ts';
import { completeFrames } from './offload.ts';
import { IpPacket } from './ipPacket.ts';
import { TcpSegment } from './tcpSegment.ts';
import { FrameGuest } from '../testing/frameGuest.ts';
import { pseudoHeaderSum } from './checksum.ts';
import { setU16 } from './byteOrder.ts';
import { Firewall } from '../user/firewall.ts';

describe('the Internet checksum', () => {
  it('sums the example of RFC 1071', () => {
    expect(sumBytes(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7), 0, 8)).toBe(
      0xddf2,
    );
  });

  it('is the same at any place and length, by bytes and by words', () => {
    const bytes = Uint8Array.from({ length: 2000 }, (_, i) => (i * 37 + (i >> 3)) & 255);
    const plain = (start: number, end: number): number => {
      let sum = 5;
      for (let i = start; i < end; i += 2)
        sum += ((bytes[i] ?? 0) << 8) + (i + 1 < end ? (bytes[i + 1] ?? 0) : 0);
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      return sum;
    };
    for (const start of [0, 1, 2, 3, 34, 36])
      for (const length of [
        0, 1, 2, 127, 128, 129, 130, 131, 132, 133, 1460, 1461, 1462, 1463, 1900,
      ])
        expect(sumBytes(bytes, start, start + length, 5)).toBe(plain(start, start + length));
  });
});

describe('addresses', () => {
  it('are written as RFC 5952 says', () => {
    for (const text of [
      '::',
      '::1',
      'fe80::2',
      '2001:db8::1:0:0:1',
      '1:2:3:4:5:6:7:8',
      '10.0.2.15',
    ])
      expect(formatIp(ip(text))).toBe(text);
    expect(formatIp(ip('2001:db8:0:0:1:0:0:1'))).toBe('2001:db8::1:0:0:1');
    expect(formatIp(unmapped(ip('::ffff:127.0.0.1')))).toBe('127.0.0.1');
    for (const wrong of [
      '1.2.3',
      '1.2.3.256',
      ':::',
      '1::2::3',
      '12345::',
      'x',
      '1:2:3:4:5:6:7:8:9',
    ])
      expect(parseIp(wrong)).toBeUndefined();
  });

  it('lie in prefixes of any length', () => {
    expect(inPrefix(ip('10.0.3.1'), ip('10.0.2.0'), 23)).toBe(true);
    expect(inPrefix(ip('10.0.4.1'), ip('10.0.2.0'), 23)).toBe(false);
    expect(inPrefix(ip('febf::1'), ip('fe80::'), 10)).toBe(true);
    expect(inPrefix(ip('1.2.3.4'), ip('9.9.9.9'), 0)).toBe(true);
  });
});

it('a frame for segmentation becomes proper segments of its size', () => {
  const guest = new FrameGuest();
  const connection = {
    port: 1,
    remotePort: 2,
    remote: ip('192.0.2.1'),
    sequence: 0xffff_ff00,
    acknowledged: 9,
  };
  const payload = Uint8Array.from({ length: 5000 }, (_, i) => i & 255);
  const frame = guest.tcp(connection, 0x19, payload);
  setU16(frame, 50, pseudoHeaderSum(guest.address, connection.remote, 6, 5020));
  const got: number[] = [];
  const flags: number[] = [];
  completeFrames(
    { bytes: frame, checksumStart: 34, checksumOffset: 16, segmentSize: 1460 },
    ({ bytes }) => {
      const packet = new IpPacket();
      expect(packet.parse(bytes)).toBe(true);
      const pseudo = pseudoHeaderSum(packet.source, packet.target, 6, packet.end - packet.payload);
      expect(sumBytes(bytes, packet.payload, packet.end, pseudo)).toBe(0xffff);
      const segment = new TcpSegment();
      segment.parse(bytes, packet.payload, packet.end);
      expect(segment.sequence).toBe((0xffff_ff00 + got.length) >>> 0);
      got.push(...bytes.subarray(segment.start, segment.end));
      flags.push(segment.flags);
    },
  );
  expect(got).toEqual([...payload]);
  // FIN and PSH only on the last.
  expect(flags).toEqual([0x10, 0x10, 0x10, 0x19]);
});

describe('the firewall', () => {
  it('keeps guests from the host and from what is no destination, whatever the rules', () => {
    const firewall = new Firewall();
    firewall.setRules([{ action: 'allow', to: 'any' }]);
    for (const address of [
      '127.0.0.1',
      '127.9.9.9',
      '0.0.0.0',
      '::1',
      '::',
      '::ffff:127.0.0.1',
      '64:ff9b::7f00:1',
      '224.0.0.1',
      '255.255.255.255',
      'fe80::1',
      'ff02::1',
    ])
      expect(firewall.allows(ip(address), 80), address).toBe(false);
    expect(firewall.allows(ip('93.184.216.34'), 80)).toBe(true);
    expect(firewall.allows(ip('169.254.169.254'), 80)).toBe(true);
    firewall.setRules([]);
    expect(firewall.allows(ip('169.254.169.254'), 80)).toBe(false);
  });

  it('takes the first rule that matches, by address, name and port', () => {
    const firewall = new Firewall();
    firewall.setRules([
      { action: 'allow', to: '*.example.org', ports: [443, 443] },
      { action: 'deny', to: '192.0.2.0/24' },
      { action: 'deny', to: 'bad.test' },
    ]);
    firewall.learn('www.example.org', ip('192.0.2.1'));
    firewall.learn('bad.test', ip('198.51.100.9'));
    expect(firewall.allows(ip('192.0.2.1'), 443)).toBe(true);
    expect(firewall.allows(ip('192.0.2.1'), 80)).toBe(false);
    expect(firewall.allows(ip('192.0.2.9'), 443)).toBe(false);
    expect(firewall.allows(ip('198.51.100.9'), 80)).toBe(false);
    expect(firewall.allowsName('bad.test')).toBe(false);
    expect(() => firewall.setRules([{ action: 'deny', to: '1.2.3.4/99' }])).toThrow(/no host name/);
  });
});
