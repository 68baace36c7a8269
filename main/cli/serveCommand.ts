import { Command } from 'commander';
import { UsageError } from './commandError.ts';
import { hostPath, wholeNumber } from './optionValues.ts';

interface Flags {
  readonly port?: number;
  readonly address?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly open?: boolean;
}

/** `guesthouse serve`: the window in a browser. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('serve the window to a browser on this computer, or with a certificate on others')
    .option(
      '--port <n>',
      'port to listen on; 0 takes any free one (default: 8734)',
      wholeNumber('--port', 0, 65535),
    )
    .option(
      '--address <ip>',
      'IP address to listen on; one that others can reach takes a certificate (default: 127.0.0.1)',
    )
    .option('--tls-cert <file>', 'PEM certificate for https; those of its issuers may follow in it')
    .option('--tls-key <file>', 'PEM private key of that certificate')
    .option('--open', 'open it in the browser')
    .action(async ({ port, address, tlsCert, tlsKey, open = false }: Flags) => {
      if ((tlsCert === undefined) !== (tlsKey === undefined))
        throw new UsageError('give --tls-cert and --tls-key together');
      const { serve } = await import('../server/serve.ts');
      await serve({
        open,
        ...(port === undefined ? {} : { port }),
        ...(address === undefined ? {} : { address }),
        ...(tlsCert === undefined || tlsKey === undefined
          ? {}
          : { tls: { cert: hostPath(tlsCert), key: hostPath(tlsKey) } }),
      });
    });
}
