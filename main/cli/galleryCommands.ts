/** `guesthouse gallery` and `guesthouse preferences`. */
import { Command } from 'commander';
import { mostCoreMemoryMiB } from '../../shared/vm/config.ts';
import { UserError } from '../../shared/services/errors.ts';
import { preferenceChangesSchema, preferencesSchema } from '../../shared/vm/preferences.ts';
import { UsageError } from './commandError.ts';
import { followTask } from './followTask.ts';
import { wholeNumber } from './optionValues.ts';
import { withServices } from './withServices.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);

export function galleryCommand(): Command {
  const command = new Command('gallery').description(
    'ready-made guests, built here from the packages of their distribution',
  );
  command.addCommand(
    new Command('list')
      .description('what there is')
      .option('--json', 'machine-readable')
      .action((flags: { json?: true }) =>
        withServices('direct', async ({ gallery }) => {
          const list = await gallery.list();
          if (flags.json) return print(JSON.stringify(list, null, 2));
          for (const { id, name, description } of list.guests)
            print(`${id}\n    ${name}: ${description['en'] ?? ''}`);
          for (const { file, message } of list.problems) print(`${file}\n    ${message}`);
        }),
      ),
  );
  command.addCommand(
    new Command('create')
      .description('fetch and check the packages of a guest and make a VM of them')
      .argument('<guest>', 'as in "guesthouse gallery list"')
      .option('--name <name>', 'of the VM; by default that of the guest')
      .option('--memory <MiB>', 'RAM', wholeNumber('--memory', 64, mostCoreMemoryMiB))
      .option('--json', 'machine-readable')
      .addHelpText(
        'after',
        '\nWhat was downloaded is kept, so that an interrupted creation goes on where it stopped. Packages come from\n' +
          'the mirror of the preferences ("guesthouse preferences set debianMirror URL"), or that of this machine\'s apt.',
      )
      .action((id: string, flags: { name?: string; memory?: number; json?: true }) =>
        withServices('direct', async (services, lost) => {
          const { guests } = await services.gallery.list();
          const name = flags.name ?? guests.find((guest) => guest.id === id)?.name ?? id;
          const begun = await services.gallery.create(id, { name, memoryMiB: flags.memory });
          const { vmId } = await followTask(services, begun, { quiet: flags.json ?? false, lost });
          print(flags.json ? JSON.stringify({ id: vmId, name }) : `Created "${name}" (${vmId}).`);
        }),
      ),
  );
  return quiet(command);
}

export function preferencesCommand(): Command {
  const command = new Command('preferences').description('what holds for the whole library');
  const names = Object.keys(preferencesSchema.shape).join(', ');
  command.addCommand(
    new Command('show')
      .description('what has been chosen')
      .option('--json', 'machine-readable')
      .action((flags: { json?: true }) =>
        withServices('direct', async ({ preferences }) => {
          const chosen = await preferences.get();
          if (flags.json) return print(JSON.stringify(chosen, null, 2));
          const lines = Object.entries(chosen).map(([name, value]) => `${name}: ${value}`);
          print(lines.join('\n') || 'Nothing has been chosen.');
        }),
      ),
  );
  command.addCommand(
    new Command('set')
      .description('choose something, or take it back')
      .argument('<name>', names)
      .argument('[value]', 'without it, as by default')
      .option('--json', 'machine-readable')
      .action((name: string, value: string | undefined, flags: { json?: true }) =>
        withServices('direct', async ({ preferences }) => {
          if (!(name in preferencesSchema.shape))
            throw new UsageError(`There is no preference ${name}; there are: ${names}.`);
          const changes = preferenceChangesSchema.safeParse({ [name]: value ?? null });
          if (!changes.success) {
            throw new UserError({
              code: 'invalid',
              message: `"${value}" is no value for ${name}.`,
              hint: changes.error.issues[0]?.message ?? '',
            });
          }
          const after = await preferences.change({ [name]: value ?? null });
          if (flags.json) print(JSON.stringify(after, null, 2));
          else print(value === undefined ? `${name} is as by default.` : `${name}: ${value}`);
        }),
      ),
  );
  return quiet(command);
}

function quiet(command: Command): Command {
  for (const sub of command.commands)
    sub.exitOverride().configureOutput({ outputError: () => undefined });
  return command;
}
