import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeMessage } from '../../shared/rpc/messageCodec.ts';
import { FrameParser } from './streamChannel.ts';

function frame(message: unknown): Buffer {
  const body = encodeMessage(message);
  const header = Buffer.alloc(4);
  header.writeUInt32LE(body.length);
  return Buffer.concat([header, body]);
}

it('finds the same messages however the stream was cut', () => {
  const messages = [{ a: 1 }, 'x'.repeat(300), Uint8Array.of(1, 2, 3), []];
  const stream = Buffer.concat(messages.map(frame));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 12 }), (cuts) => {
      const parser = new FrameParser();
      const found: unknown[] = [];
      let from = 0;
      for (const cut of [...cuts.sort((a, b) => a - b), stream.length]) {
        found.push(...parser.push(stream.subarray(from, cut)));
        from = cut;
      }
      expect(found.map((one) => (one instanceof Uint8Array ? Uint8Array.from(one) : one))).toEqual(
        messages,
      );
    }),
  );
});

it('refuses what cannot be a message', () => {
  expect(() => new FrameParser().push(Buffer.from('GET / HTTP/1.1\r\n'))).toThrow();
});
