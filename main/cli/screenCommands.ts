/** `guesthouse log`, `screenshot` and `type`: what a machine's tabs show and take. */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { encode } from 'fast-png';
import { parseKeys, strokeEvents, type Stroke } from '../../shared/input/typing.ts';
import { UserError } from '../../shared/services/errors.ts';
import { UsageError } from './commandError.ts';
import { hostPath } from './optionValues.ts';
import { findVm, withServices } from './withServices.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));
const followMs = 500;
/** So that a guest that is slow to read its keyboard loses nothing. */
const strokeMs = 15;

export function screenCommands(): Command[] {
  return [
    new Command('log')
      .description('print the log of a VM')
      .argument('<vm>', 'name or id')
      .option('-f, --follow', 'print what is added, until Ctrl-C')
      .option('--json', 'machine-readable: a line for each line of the log, with its time')
      .action((vm: string, flags: { follow?: true; json?: true }) =>
        withServices('direct', async (services) => {
          const { id } = await findVm(services, vm);
          for (let from = 0; ; await delay(followMs)) {
            const { text, end } = await services.library.readLog(id, from);
            from = end;
            if (!flags.json) process.stdout.write(text);
            else
              for (const line of text.split('\n').filter((one) => one !== '')) {
                const space = line.indexOf(' ');
                print(JSON.stringify({ time: line.slice(0, space), text: line.slice(space + 1) }));
              }
            if (!flags.follow) return;
          }
        }),
      ),

    new Command('screenshot')
      .description('save what the screen of a running VM shows')
      .argument('<vm>', 'name or id')
      .argument('<file>', 'a new PNG file')
      .option('--json', 'machine-readable')
      .action((vm: string, file: string, flags: { json?: true }) =>
        withServices('direct', async (services) => {
          const { id } = await findVm(services, vm);
          const { width, height, parts } = await services.session.nextFrame(id, randomUUID());
          const [whole] = parts;
          if (!whole || whole.width !== width || whole.height !== height)
            throw new UserError({ code: 'no-picture', message: 'The screen shows nothing yet.' });
          const path = hostPath(file);
          const png = encode({ width, height, data: whole.pixels, channels: 4, depth: 8 });
          await writeFile(path, png, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
            if (error.code !== 'EEXIST') throw error;
            throw new UserError({ code: 'exists', message: `There is a file ${path} already.` });
          });
          if (flags.json) printJson({ id, path, width, height });
          else print(`Saved ${width} × ${height} pixels to ${path}.`);
        }),
      ),

    new Command('type')
      .description('type on the keyboard of a running VM')
      .argument('<vm>', 'name or id')
      .argument('<text>', 'characters of a US keyboard; <ret>, <ctrl-alt-delete>, <lt> for "<"')
      .option('--json', 'machine-readable')
      .action((vm: string, text: string, flags: { json?: true }) =>
        withServices('direct', async (services) => {
          const strokes = strokesOf(text);
          const { id } = await findVm(services, vm);
          for (const stroke of strokes) {
            await services.session.sendInput(id, strokeEvents(stroke));
            await delay(strokeMs);
          }
          if (flags.json) printJson({ id, strokes: strokes.length });
        }),
      ),
  ];
}

function strokesOf(text: string): Stroke[] {
  try {
    return parseKeys(text);
  } catch (error) {
    throw new UsageError(`type: ${(error as Error).message}`);
  }
}
