/** The guest of paint.c: draws a pattern, then what keys and mouse it hears of. */
import { execFileSync } from 'node:child_process';
import type { Page } from 'playwright-core';

export function buildPaintKernel(file: string): void {
  execFileSync(
    'gcc',
    [
      ...['-m32', '-march=i686', '-O1', '-ffreestanding', '-fno-pie', '-no-pie', '-nostdlib'],
      ...['-fno-stack-protector', '-mgeneral-regs-only', '-fno-asynchronous-unwind-tables'],
      ...['-static', '-Wl,-T,../isa/system/link32.ld', '-Wl,--build-id=none'],
      ...['-Wl,--no-warn-rwx-segments', '-Wa,--noexecstack', '../guests/display/start.S'],
      ...['paint.c', '-o', file],
    ],
    { cwd: import.meta.dirname },
  );
}

/** What it draws first. */
export const pattern = (x: number, y: number): number[] => [x & 255, y & 255, ((x ^ y) >> 2) & 255];

export async function pixel(page: Page, x: number, y: number): Promise<number[]> {
  return page.locator('canvas[aria-label^="Screen of"]').evaluate(
    (canvas, [px, py]) => {
      const context = (canvas as HTMLCanvasElement).getContext('2d');
      return [...(context?.getImageData(px ?? 0, py ?? 0, 1, 1).data ?? [])].slice(0, 3);
    },
    [x, y],
  );
}
