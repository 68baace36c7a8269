/** `guesthouse import` and `guesthouse export`. */
import { Command } from 'commander';
import { followTask } from './followTask.ts';
import { hostPath } from './optionValues.ts';
import { findVm, withServices } from './withServices.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);

export function transferCommands(): Command[] {
  return [
    new Command('import')
      .description('make a VM of an appliance (.ova, .ovf), a .vbox file or a .guesthouse bundle')
      .argument('<file>')
      .option('--name <name>', 'of the VM; by default as the file says')
      .option('--dry-run', 'only say what would be made')
      .option('--json', 'machine-readable')
      .action((file: string, flags: { name?: string; dryRun?: true; json?: true }) =>
        withServices('direct', async (services, lost) => {
          const path = hostPath(file);
          const preview = await services.transfer.preview(path);
          if (flags.dryRun) {
            if (flags.json) return print(JSON.stringify(preview, null, 2));
            const { name, memoryMiB, cpus, disks } = preview;
            print(`${name}: ${memoryMiB} MiB, ${cpus} CPU, ${disks} disk(s)`);
          }
          if (!flags.json) for (const note of preview.notes) print(`Note: ${note}`);
          if (flags.dryRun) return;
          const begun = await services.transfer.import(path, { name: flags.name });
          const quiet = flags.json === true;
          const { subject, vmId } = await followTask(services, begun, { quiet, lost });
          print(
            flags.json ? JSON.stringify({ name: subject, id: vmId }) : `Imported "${subject}".`,
          );
        }),
      ),
    new Command('export')
      .description('write a VM that is off to a new file: .ova, .ovf, or a .guesthouse bundle')
      .argument('<vm>', 'name or id')
      .argument('<file>')
      .option('--json', 'machine-readable')
      .action((name: string, file: string, flags: { json?: true }) =>
        withServices('direct', async (services, lost) => {
          const vm = await findVm(services, name);
          const path = hostPath(file);
          const begun = await services.transfer.export(vm.id, path);
          await followTask(services, begun, { quiet: flags.json === true, lost });
          print(flags.json ? JSON.stringify({ path }) : `Exported "${vm.name}" to ${path}.`);
        }),
      ),
  ];
}
