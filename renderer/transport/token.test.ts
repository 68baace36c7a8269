import { expect, test } from 'vitest';
import { forgetToken, takeToken } from './token.ts';

function place(hash: string, stored = new Map<string, string>()) {
  const shown: string[] = [];
  return {
    shown,
    location: { hash, pathname: '/', search: '?x=1' },
    history: {
      state: null,
      replaceState: (_state: unknown, _title: string, url?: string | URL | null) => {
        shown.push(String(url));
      },
    },
    sessionStorage: {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => void stored.set(key, value),
      removeItem: (key: string) => void stored.delete(key),
    },
  };
}

test('the token is taken out of the address bar', () => {
  const page = place('#token=abc123');
  expect(takeToken(page)).toBe('abc123');
  expect(page.shown).toEqual(['/?x=1']);
});

test('a reload of the same tab still has the token', () => {
  const stored = new Map<string, string>();
  takeToken(place('#token=abc123', stored));
  const reloaded = place('', stored);
  expect(takeToken(reloaded)).toBe('abc123');
  expect(reloaded.shown).toEqual([]);
});

test('a refused token is not tried again', () => {
  const stored = new Map([['guesthouse.token', 'old']]);
  forgetToken(place('', stored));
  expect(takeToken(place('', stored))).toBeUndefined();
});
