/** Debian's installer, from a CD-ROM with isolinux to its first question, which arrow keys answer. */
import { it } from 'vitest';
import { installerIso } from './loaderMedia.ts';
import { ScreenGuest } from './screenGuest.ts';

it('the installer asks for the language in text mode', { timeout: 900_000 }, async () => {
  await using guest = await ScreenGuest.start({
    memoryMiB: 1024,
    cdroms: [{ path: await installerIso() }],
  });
  await guest.waitFor(/boot: *$/, 60);
  await guest.type('text<ret>');
  await guest.waitFor(/Select a language[^]*English/, 600);
  await guest.type('<down><down><ret>');
  // What was chosen is asked about in its own words, or the installer goes on to the country.
  await guest.waitFor((text) => !text.includes('English ') && /\[!!?\]/.test(text), 120);
});
