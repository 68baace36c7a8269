/** What the window may load and do; pure, so that it is tested without Electron. */

/** Our own scheme: pages from the file system would have no origin to tell them apart by. */
export const appScheme = 'guesthouse';
export const appOrigin = `${appScheme}://app`;

export const pageHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    // MUI and xterm.js add style elements at run time.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'X-Content-Type-Options': 'nosniff',
};

export function isOwnAddress(address: string): boolean {
  try {
    const { protocol, host, username, password } = new URL(address);
    return protocol === `${appScheme}:` && host === 'app' && !username && !password;
  } catch {
    return false;
  }
}

/** The terminal copies and pastes; nothing else a page can ask for is needed. */
export function mayUse(permission: string, requestingAddress: string): boolean {
  return (
    isOwnAddress(requestingAddress) &&
    (permission === 'clipboard-read' || permission === 'clipboard-sanitized-write')
  );
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
};

export interface Asset {
  /** Relative to the folder of the built window, with slashes. */
  readonly path: string;
  readonly type: string;
}

/** The file that an address of ours stands for; undefined when there can be none. */
export function assetOf(address: string): Asset | undefined {
  if (!isOwnAddress(address)) return undefined;
  let path: string;
  try {
    path = decodeURIComponent(new URL(address).pathname).slice(1);
  } catch {
    return undefined;
  }
  if (path === '') path = 'index.html';
  const parts = path.split('/');
  const strange = (part: string) =>
    part === '' || part === '.' || part === '..' || /[\\:\0]/.test(part);
  if (parts.some(strange)) return undefined;
  const type = types[path.slice(path.lastIndexOf('.') + 1)];
  return type === undefined ? undefined : { path, type };
}
