/**
 * `npm run icons`: the app's icons from renderer/app/icon.svg, drawn by Chromium. ICO: PNG images in the directory of
 * Windows 3 icons (since Vista); ICNS: PNG images under the type codes of Mac OS X 10.7. The results are kept in git.
 */
import { readFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

const root = path.resolve(import.meta.dirname, '../..');
const folder = path.join(import.meta.dirname, 'icons');
const sizes = [16, 32, 48, 64, 128, 256, 512, 1024];

/** Type code → pixels on a side. */
const icnsTypes = {
  icp4: 16,
  icp5: 32,
  icp6: 64,
  ic07: 128,
  ic08: 256,
  ic09: 512,
  ic10: 1024,
  ic11: 32,
  ic12: 64,
  ic13: 256,
  ic14: 512,
};

export function icoFile(images: ReadonlyMap<number, Buffer>): Buffer {
  const chosen = [...images].filter(([size]) => size <= 256);
  const head = Buffer.alloc(6 + chosen.length * 16);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(chosen.length, 4);
  let offset = head.length;
  chosen.forEach(([size, png], index) => {
    const entry = 6 + index * 16;
    // 256 is written as 0.
    head.writeUInt8(size & 0xff, entry);
    head.writeUInt8(size & 0xff, entry + 1);
    head.writeUInt16LE(1, entry + 4);
    head.writeUInt16LE(32, entry + 6);
    head.writeUInt32LE(png.length, entry + 8);
    head.writeUInt32LE(offset, entry + 12);
    offset += png.length;
  });
  return Buffer.concat([head, ...chosen.map(([, png]) => png)]);
}

export function icnsFile(images: ReadonlyMap<number, Buffer>): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.write(type, 'latin1');
    head.writeUInt32BE(8 + data.length, 4);
    return Buffer.concat([head, data]);
  };
  const chunks = Object.entries(icnsTypes).map(([type, size]) => chunk(type, images.get(size)!));
  return chunk('icns', Buffer.concat(chunks));
}

if (import.meta.main) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  const page = await browser.newPage();
  const svg = readFileSync(path.join(root, 'renderer/app/icon.svg'), 'utf8');
  const images = new Map<number, Buffer>();
  mkdirSync(folder, { recursive: true });
  for (const size of sizes) {
    await page.setViewportSize({ width: size, height: size });
    await page.setContent(
      `<style>body{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`,
    );
    images.set(size, await page.screenshot({ omitBackground: true }));
    writeFileSync(path.join(folder, `${size}x${size}.png`), images.get(size)!);
  }
  writeFileSync(path.join(folder, 'icon.ico'), icoFile(images));
  writeFileSync(path.join(folder, 'icon.icns'), icnsFile(images));
  await browser.close();
}
