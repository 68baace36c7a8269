/** The window by https from `guesthouse serve`, with a certificate that openssl makes. About ten seconds. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { describeWindow } from './describeWindow.ts';
import { Manager } from './manager.ts';
import { Window } from './window.ts';

describeWindow('a server with a certificate', (parts) => {
  test('has a whole window, with the picture of a machine that runs', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'guesthouse-tls-'));
    try {
      const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
      execFileSync(
        'openssl',
        [
          ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
          ...['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=guesthouse'],
          ...['-addext', 'subjectAltName=DNS:localhost'],
        ],
        { stdio: 'ignore' },
      );
      await using manager = await Manager.startWithTls(cert, key);
      expect(manager.url).toMatch(/^https:\/\/localhost:/);
      await using window = await Window.open(parts.browser, manager.url, {
        ignoreHTTPSErrors: true,
      });
      const { page } = window;
      expect(await page.evaluate(() => [isSecureContext, crossOriginIsolated])).toEqual([
        true,
        true,
      ]);
      await window.button('New').click();
      await window.field('Name').fill('empty');
      await window.inDialog('Add CD-ROM drive').click();
      await window.inDialog('Create').click();
      await window.start();
      await window.waitForState('empty', 'Running');
      // The firmware's text, asked for frame by frame: an encrypted connection cannot go to another process.
      const canvas = page.getByLabel('Screen of empty').and(page.locator('canvas'));
      await expect
        .poll(
          () =>
            canvas.evaluate((element) => {
              const { width, height } = element as HTMLCanvasElement;
              const context = (element as HTMLCanvasElement).getContext('2d');
              const { data } = context!.getImageData(0, 0, width, height);
              return data.some((value, i) => i % 4 !== 3 && value > 100);
            }),
          { timeout: 60_000 },
        )
        .toBe(true);
      await window.powerOff();
      await window.waitForState('empty', 'Powered Off');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
