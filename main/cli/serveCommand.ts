import { Command } from 'commander';
import { wholeNumber } from './optionValues.ts';

/** `guesthouse serve`: the window in a browser. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('serve the window to a browser on this computer')
    .option(
      '--port <n>',
      'port to listen on; 0 takes any free one (default: 8734)',
      wholeNumber('--port', 0, 65535),
    )
    .option('--open', 'open it in the browser')
    .action(async (flags: { port?: number; open?: true }) => {
      const { serve } = await import('../server/serve.ts');
      await serve({ ...flags, open: flags.open ?? false });
    });
}
