import { Command } from 'commander';
import { kvmVerdict } from '../../shared/vm/kvmFinding.ts';
import type { RunModule } from '../../shared/vm/machineRequest.ts';
import { engineEntry } from '../manager/engineEntry.ts';

/** `guesthouse doctor`: which engines this host can run machines on, why not, and what to do. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('say which engines can be used on this host, and what to do about one that cannot')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: true }) => {
      const { probeKvm } = (await import(engineEntry('run').href)) as RunModule;
      const finding = await probeKvm();
      const verdict = kvmVerdict(finding);
      const auto = verdict.usable ? 'kvm' : 'translator';
      if (json === true) {
        process.stdout.write(
          `${JSON.stringify({ kvm: { finding, ...verdict }, auto }, null, 2)}\n`,
        );
        return;
      }
      const { usable, reason, remedy } = verdict;
      const lines = [
        'translator  usable: runs everywhere',
        `kvm         ${usable ? 'usable' : 'not usable'}: ${reason}`,
        ...(remedy === undefined ? [] : [`            what to do: ${remedy}`]),
        `auto        takes ${auto}`,
      ];
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}
