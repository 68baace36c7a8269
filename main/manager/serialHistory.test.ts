import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SerialHistory } from './serialHistory.ts';

it('holds exactly the last bytes, however they were cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }), (pieces) => {
      const history = new SerialHistory(16);
      for (const piece of pieces) history.push(piece);
      const all = pieces.flatMap((piece) => [...piece]);
      expect([...history.contents()]).toEqual(all.slice(-16));
    }),
  );
});
