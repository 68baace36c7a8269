import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.map': 'application/json',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};

/**
 * Sent with every answer. COOP and COEP give the page shared memory. Styles are inline because the
 * window's style engine (emotion) inserts them at run time; scripts never are.
 */
function securityHeaders(socketOrigin: string): Record<string, string> {
  return {
    'Content-Security-Policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data: blob:",
      "font-src 'self'",
      `connect-src 'self' ${socketOrigin}`,
      "manifest-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
  };
}

/** Answers GET and HEAD from `folder`, and nothing outside it. `socketOrigin` is where the page's WebSockets lead. */
export async function serveStatic(
  folder: string,
  socketOrigin: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const headers = securityHeaders(socketOrigin);
  const answer = (status: number, text: string): void => {
    response.writeHead(status, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' });
    response.end(text);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    answer(405, 'Only GET.');
    return;
  }
  const path = pathOf(request.url ?? '/');
  if (path === undefined) {
    answer(400, 'That is not an address of this server.');
    return;
  }
  const relative = path.endsWith('/') ? `${path}index.html` : path;
  try {
    const bytes = await readFile(join(folder, relative));
    const immutable = relative.startsWith('/assets/');
    response.writeHead(200, {
      ...headers,
      'Content-Type': contentTypes[extname(relative)] ?? 'application/octet-stream',
      'Content-Length': bytes.length,
      // Bundled assets have a hash of their content in their names.
      'Cache-Control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  } catch {
    answer(404, 'There is no such page.');
  }
}

/** The decoded path of a request target if it stays inside the root. */
export function pathOf(target: string): string | undefined {
  try {
    const path = decodeURIComponent(new URL(target, 'http://localhost').pathname);
    if (path.includes('\0') || path.includes('\\')) return undefined;
    const clean = normalize(path);
    return clean.split(sep).includes('..') ? undefined : clean.replaceAll(sep, '/');
  } catch {
    return undefined;
  }
}
