import { writeFile } from 'node:fs/promises';
import { UserError } from '../../shared/services/errors.ts';
import type { Display } from '../devices/display/display.ts';

/** The screen as a PNG file, without alpha. */
export async function screenshotPng(display: Display): Promise<Uint8Array> {
  const { width, height, pixels } = display.refresh();
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, at = 0; i < width * height; i++) {
    const pixel = pixels[i] as number;
    data[at++] = pixel & 0xff;
    data[at++] = (pixel >>> 8) & 0xff;
    data[at++] = (pixel >>> 16) & 0xff;
  }
  // Loaded here: few machines start with a screenshot.
  const { encode } = await import('fast-png');
  return encode({ width, height, data, channels: 3, depth: 8 });
}

/** Rejects with UserError. */
export async function writeScreenshot(display: Display, path: string): Promise<void> {
  try {
    await writeFile(path, await screenshotPng(display));
  } catch (error) {
    throw new UserError({
      code: 'screenshot',
      message: `The screenshot cannot be written to ${path}: ${(error as Error).message}.`,
    });
  }
}
