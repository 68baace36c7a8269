import { expect, test } from 'vitest';
import { assetOf, isOwnAddress, mayUse, pageHeaders } from './securityPolicy.ts';

test('only pages of our own scheme and host are ours', () => {
  expect(isOwnAddress('guesthouse://app/')).toBe(true);
  expect(isOwnAddress('guesthouse://app/index.html#x')).toBe(true);
  for (const address of [
    'guesthouse://app.evil.example/',
    'guesthouse://user@app/',
    'guesthouses://app/',
    'https://app/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'nonsense',
  ])
    expect(isOwnAddress(address), address).toBe(false);
});

test('an address leads to a file inside of the window’s folder or nowhere', () => {
  expect(assetOf('guesthouse://app/')).toEqual({
    path: 'index.html',
    type: 'text/html; charset=utf-8',
  });
  expect(assetOf('guesthouse://app/assets/index-abc.js?x#y')?.path).toBe('assets/index-abc.js');
  for (const address of [
    'guesthouse://app/..%2f..%2fpackage.js',
    'guesthouse://app/..%5c..%5cb.js',
    'guesthouse://app//etc/b.js',
    'guesthouse://app/c:/b.js',
    'guesthouse://app/%00.js',
    'guesthouse://app/%zz.js',
    'guesthouse://app/assets/index.js.map',
    'https://app/index.html',
  ])
    expect(assetOf(address), address).toBeUndefined();
});

test('the page may use the clipboard, and nothing else', () => {
  expect(mayUse('clipboard-read', 'guesthouse://app/')).toBe(true);
  expect(mayUse('clipboard-sanitized-write', 'guesthouse://app/')).toBe(true);
  expect(mayUse('clipboard-read', 'https://example.org/')).toBe(false);
  for (const permission of ['media', 'geolocation', 'notifications', 'openExternal', 'usb'])
    expect(mayUse(permission, 'guesthouse://app/'), permission).toBe(false);
});

test('scripts come from the bundle only', () => {
  const policy = pageHeaders['Content-Security-Policy']!;
  expect(policy).toContain("default-src 'none'");
  expect(/script-src ([^;]*)/.exec(policy)?.[1]).toBe("'self'");
});
