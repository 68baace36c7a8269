import fc from 'fast-check';
import { expect, test } from 'vitest';
import { logLine, splitAtMatches } from './logLines.ts';

test('a line has its time apart', () => {
  const { time, text } = logLine('2026-11-26T19:00:00.000Z State: running', 0, 'en');
  expect(time).toMatch(/\d+\/\d+\/26/);
  expect(text).toBe('State: running');
  expect(logLine('without a time', 1, 'en')).toMatchObject({ time: '', text: 'without a time' });
});

test('matches are found in any case, and nothing of the text is lost', () => {
  expect(splitAtMatches('State: running, STATE', 'state')).toEqual([
    { text: 'State', match: true },
    { text: ': running, ', match: false },
    { text: 'STATE', match: true },
  ]);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ maxLength: 2 }), (text, wanted) => {
      const parts = splitAtMatches(text, wanted);
      expect(parts.map((part) => part.text).join('')).toBe(text);
    }),
  );
});
