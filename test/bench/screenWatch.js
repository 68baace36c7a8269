/**
 * Preloaded into `guesthouse run` (node --import): ends the process when the screen shows the text in SCREEN_WATCH.
 * It is JavaScript and loads nothing that the command would not, so that the time is the command's own.
 */
import { registerHooks } from 'node:module';
import process from 'node:process';
import { setInterval } from 'node:timers';
import { URL } from 'node:url';

const lookMs = 10;
const wanted = process.env.SCREEN_WATCH ?? '';

registerHooks({
  load(url, context, next) {
    // By now the command has turned on the cache of compiled modules.
    if (url.endsWith('/emulator/host/run.ts')) void watch(new URL('runScreen.ts', url).href);
    return next(url, context);
  },
});

async function watch(runScreen) {
  const { RunScreen } = await import(runScreen);
  const { start } = RunScreen.prototype;
  RunScreen.prototype.start = function (...options) {
    start.apply(this, options);
    setInterval(() => {
      if (this.text()?.includes(wanted)) process.exit(0);
    }, lookMs);
  };
}
