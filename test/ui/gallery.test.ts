/**
 * A newcomer's way through the gallery to a running Debian shell, with the keyboard alone: the packages come from this
 * machine's own mirror, and the guest sets itself up.
 */
import { expect, test } from 'vitest';
import { describeWindow } from './describeWindow.ts';
import { screenshotPath, Window } from './window.ts';

const buildMs = 300_000;
const setUpSeconds = 900;

describeWindow('the gallery', (parts) => {
  test(
    'builds a Debian that a newcomer starts and types into, by keys alone',
    { timeout: buildMs + setUpSeconds * 1000 + 120_000 },
    async () => {
      await using window = await Window.open(parts.browser, parts.manager.url);
      const { page } = window;
      const press = (...keys: string[]) =>
        keys.reduce(
          (before, key) => before.then(() => page.keyboard.press(key)),
          Promise.resolve(),
        );
      /** Goes on by Tab until something with that name has the focus. */
      const tabTo = async (name: string | RegExp): Promise<void> => {
        const seen: string[] = [];
        for (let step = 0; step < 60; step++) {
          const focused = await window.focused();
          if (typeof name === 'string' ? focused.endsWith(` ${name}`) : name.test(focused)) return;
          seen.push(focused);
          await press('Tab');
        }
        throw new Error(`Tab does not come to ${name}: ${seen.join(', ')}`);
      };
      await window.button('Choose a guest…').waitFor();
      await page.screenshot({ path: screenshotPath('home-gallery') });
      await tabTo('Choose a guest…');
      await press('Enter');
      await page.getByRole('radio', { name: /^Debian 12 \(small\)/ }).waitFor();
      expect(await window.accessibilityProblems()).toEqual([]);
      await page.screenshot({ path: screenshotPath('gallery-light') });
      await tabTo('Name');
      await page.keyboard.type('Sid’s first');
      await press('Enter');
      await page.getByRole('group', { name: 'Building “Sid’s first”' }).waitFor();
      await page
        .getByText('Fetching, checking and unpacking packages')
        .waitFor({ timeout: 60_000 });
      await page.screenshot({ path: screenshotPath('gallery-building') });
      const ready = page.getByRole('group', { name: '“Sid’s first” is ready' });
      await ready.waitFor({ timeout: buildMs });
      await tabTo('Show');
      await press('Enter');
      await window.machine('Sid’s first').waitFor();
      await tabTo('Start');
      await press('Enter');
      await window.waitForState('Sid’s first', 'Running', 60);
      // The console has the keyboard; the shell is signed in.
      await window.waitForConsole(/\[\d+\/\d+\] /, setUpSeconds);
      await page.screenshot({ path: screenshotPath('gallery-setting-up') });
      await window.waitForConsole(/root@sid-s-first:~#\s*$/m, setUpSeconds);
      await window.type(
        '. /etc/os-release; echo "$NAME $VERSION_ID, $(dpkg -l | grep -c ^ii) packages"',
      );
      await window.waitForConsole(/^Debian GNU\/Linux 12, 1\d\d packages/m, 60);
      await window.type(
        'dpkg --audit && systemctl is-system-running; ip -4 -o addr show scope global',
      );
      await window.waitForConsole(/^running\s+\d+: \w+ +inet 10\.0\.2\.15/m, 120);
      await page.screenshot({ path: screenshotPath('gallery-shell') });
      await window.type('systemctl poweroff');
      await window.waitForState('Sid’s first', 'Powered Off', 180);
    },
  );
});
