import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeFrame, encodeFrame } from './frameCodec.ts';
import type { Frame } from './frames.ts';

const part = fc.record({ width: fc.nat(9), height: fc.nat(9) }).chain(({ width, height }) =>
  fc.record({
    ...{ x: fc.nat(4096), y: fc.nat(4096), width: fc.constant(width), height: fc.constant(height) },
    pixels: fc.uint8Array({ minLength: width * height * 4, maxLength: width * height * 4 }),
  }),
);
const frame = fc.record({
  ...{ width: fc.nat(4096), height: fc.nat(4096), parts: fc.array(part, { maxLength: 32 }) },
  pointer: fc.constantFrom('absolute' as const, 'relative' as const),
});

it('a frame is the same after its way as bytes', () => {
  fc.assert(
    fc.property(frame, (one) => {
      expect(decodeFrame(encodeFrame(one).buffer)).toEqual(one);
    }),
  );
});

it('bytes that are no frame are refused', () => {
  const picture = { x: 0, y: 0, width: 2, height: 1, pixels: new Uint8Array(8) };
  const good: Frame = { width: 2, height: 1, pointer: 'relative', parts: [picture] };
  const { buffer } = encodeFrame(good);
  expect(() => decodeFrame(buffer.slice(0, -1))).toThrow(RangeError);
  expect(() => decodeFrame(new Uint8Array([...new Uint8Array(buffer), 0]).buffer)).toThrow(
    'behind',
  );
  expect(() => decodeFrame(new ArrayBuffer(0))).toThrow(RangeError);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeFrame(bytes.slice().buffer);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
  );
});
