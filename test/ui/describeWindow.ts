import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe } from 'vitest';
import { Manager } from './manager.ts';
import { hasChromium, openBrowser } from './window.ts';

/** A browser and a server with a library of its own; there in tests, not yet where they are declared. */
export interface WindowParts {
  browser: Browser;
  manager: Manager;
}

/** Tests of the window, which need Chromium (test/framework/prerequisites.ts installs it) and are skipped without it. */
export function describeWindow(name: string, declare: (parts: WindowParts) => void): void {
  describe.skipIf(!hasChromium)(name, () => {
    const parts = {} as Partial<WindowParts>;
    beforeAll(async () => {
      parts.browser = await openBrowser();
      parts.manager = await Manager.start();
    });
    afterAll(async () => {
      await parts.browser?.close();
      await parts.manager?.[Symbol.asyncDispose]();
    });
    declare(parts as WindowParts);
  });
}
