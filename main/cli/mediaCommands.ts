/** `guesthouse media`: the images that VMs use, as the window's media manager shows them. */
import { Command } from 'commander';
import type { MediumEntry } from '../../shared/services/media.ts';
import { hostPath } from './optionValues.ts';
import { withServices } from './withServices.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);
interface JsonFlag {
  json?: true;
}

export function mediaCommand(): Command {
  const command = new Command('media').description(
    'the images that VMs use; "guesthouse disk" works on images as such',
  );
  command.addCommand(
    new Command('list')
      .description('images, who uses them, and which are missing')
      .option('--json', 'machine-readable')
      .action((flags: JsonFlag) =>
        withServices('direct', async ({ media }) => {
          const entries = await media.list();
          if (flags.json) print(JSON.stringify(entries, null, 2));
          else
            print(entries.map(line).join('\n') || 'No VM uses an image, and the library has none.');
        }),
      ),
  );
  command.addCommand(
    new Command('relocate')
      .description('say where a file is now that VMs use: all of them are changed')
      .argument('<file>', 'as the VMs know it')
      .argument('<new place>')
      .option('--json', 'machine-readable')
      .action((from: string, to: string, flags: JsonFlag) =>
        withServices('direct', async ({ media }) => {
          const [path, place] = [hostPath(from), hostPath(to)];
          await media.relocate(path, place);
          print(flags.json ? JSON.stringify({ path: place }) : `VMs use ${place} now.`);
        }),
      ),
  );
  command.addCommand(
    new Command('remove')
      .description('delete an image that no VM uses')
      .argument('<file>')
      .option('--json', 'machine-readable')
      .action((file: string, flags: JsonFlag) =>
        withServices('direct', async ({ media }) => {
          const path = hostPath(file);
          await media.remove(path);
          print(flags.json ? JSON.stringify({ path }) : `Deleted ${path}.`);
        }),
      ),
  );
  for (const sub of command.commands)
    sub.exitOverride().configureOutput({ outputError: () => undefined });
  return command;
}

function line({ path, as, format, fileSize, users, problem, backing }: MediumEntry): string {
  const facts = [
    format ?? as,
    ...(fileSize === undefined ? ['MISSING'] : []),
    ...(backing === undefined ? [] : [`builds on ${backing}`]),
    users.length === 0 ? 'unused' : `used by ${users.map(({ name }) => `"${name}"`).join(', ')}`,
    ...(problem === undefined ? [] : [problem]),
  ];
  return `${path}\n    ${facts.join('; ')}`;
}
