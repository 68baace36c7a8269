/** `guesthouse clone`, `medium` and `group`. */
import { randomUUID } from 'node:crypto';
import { Command } from 'commander';
import type { Services } from '../../shared/rpc/serviceContract.ts';
import type { Arrangement, Group } from '../../shared/vm/arrangement.ts';
import { UserError } from '../../shared/services/errors.ts';
import { UsageError } from './commandError.ts';
import { followTask } from './followTask.ts';
import { hostPath } from './optionValues.ts';
import { parseDisk } from './parseOptions.ts';
import { findVm, withServices } from './withServices.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

export function organiseCommands(): Command[] {
  return [
    new Command('clone')
      .description('make a VM like another one; its disks are copied')
      .argument('<vm>', 'name or id')
      .argument('<name>', 'of the clone')
      .option('--linked', 'do not copy: both build on the disks as they are now')
      .option('--json', 'machine-readable')
      .action((vm: string, name: string, flags: { linked?: true; json?: true }) =>
        withServices('direct', async (services, lost) => {
          const { id } = await findVm(services, vm);
          const how = flags.linked ? 'linked' : 'full';
          const begun = await services.library.clone(id, { name, how });
          const task = await followTask(services, begun, { quiet: flags.json ?? false, lost });
          if (flags.json) printJson({ id: task.vmId, name });
          else print(`Created "${name}" (${task.vmId}).`);
        }),
      ),

    new Command('medium')
      .description('put an image into a CD-ROM or floppy drive, also of a running VM, or eject it')
      .argument('<vm>', 'name or id')
      .argument('<drive>', 'cdrom1, cdrom2, … floppy1, floppy2')
      .argument('<file>', 'the image, or "none"')
      .option('--json', 'machine-readable')
      .action((vm: string, drive: string, file: string, flags: { json?: true }) =>
        withServices('direct', async (services) => {
          const match = /^(cdrom|floppy)([1-8])$/.exec(drive);
          if (!match)
            throw new UsageError(`medium: "${drive}" is no drive: write cdrom1 or floppy1`);
          const kind = match[1] as 'cdrom' | 'floppy';
          const { id, name } = await findVm(services, vm);
          const path = file === 'none' ? null : hostPath(file);
          await services.session.changeMedium(id, { kind, index: Number(match[2]) - 1 }, path);
          if (flags.json) printJson({ id, drive, path });
          else print(`Drive ${drive} of "${name}" ${path === null ? 'is empty' : `has ${path}`}.`);
        }),
      ),

    new Command('attach')
      .description('attach a disk to a VM; a running one takes SATA disks, if it has a SATA drive')
      .argument('<vm>', 'name or id')
      .argument('<disk>', 'as --disk of create: FILE[,format=…][,if=…]; ahci for a running VM')
      .option('--json', 'machine-readable')
      .action((vm: string, text: string, flags: { json?: true }) =>
        withServices('direct', async (services) => {
          const { id, name, state } = await findVm(services, vm);
          const running = state === 'running' || state === 'paused';
          const disk = parseDisk(running && !/,if=/.test(text) ? `${text},if=ahci` : text);
          await services.session.attachDisk(id, disk);
          if (flags.json) printJson({ id, path: disk.path });
          else print(`"${name}" has the disk ${disk.path}.`);
        }),
      ),

    new Command('detach')
      .description('detach a disk from a VM; from a running one a SATA disk that nothing uses')
      .argument('<vm>', 'name or id')
      .argument('<disk>', 'its file, or disk1, disk2, …')
      .option('--json', 'machine-readable')
      .action((vm: string, which: string, flags: { json?: true }) =>
        withServices('direct', async (services) => {
          const { id, name } = await findVm(services, vm);
          const { disks } = await services.library.get(id);
          const number = /^disk(\d+)$/.exec(which)?.[1];
          const path = hostPath(which);
          const index =
            number === undefined
              ? disks.findIndex((disk) => disk.path === path)
              : Number(number) - 1;
          const disk = disks[index];
          if (disk === undefined)
            throw new UserError({
              code: 'no-such-disk',
              message: `"${name}" has no disk ${which}.`,
              hint: 'See "guesthouse show".',
            });
          await services.session.detachDisk(id, index);
          if (flags.json) printJson({ id, path: disk.path });
          else print(`"${name}" no longer has the disk ${disk.path}.`);
        }),
      ),

    groupCommand(),
  ];
}

function groupCommand(): Command {
  const command = new Command('group').description('groups of VMs, as the window shows them');
  const add = (sub: Command): Command => {
    sub.exitOverride().configureOutput({ outputError: () => undefined });
    command.addCommand(sub.option('--json', 'machine-readable'));
    return sub;
  };
  const show = async (services: Services, arrangement: Arrangement, json?: true): Promise<void> => {
    if (json) return printJson(arrangement);
    const names = new Map((await services.library.list()).map(({ id, name }) => [id, name]));
    print(drawn(arrangement, names, 0).join('\n') || 'There are no VMs and no groups.');
  };
  add(new Command('list').description('the VMs in their groups')).action((flags: { json?: true }) =>
    withServices('direct', async (services) =>
      show(services, await services.library.arrangement(), flags.json),
    ),
  );
  add(
    new Command('create')
      .description('make a group, with these VMs in it')
      .argument('<group>', 'a/b is b in a')
      .argument('[vms...]', 'names or ids'),
  ).action((path: string, vms: string[], flags: { json?: true }) =>
    withServices('direct', async (services) => {
      const parts = path.split('/');
      const name = parts.pop() ?? '';
      const parent = parts.join('/');
      const into = parent === '' ? undefined : await groupAt(services, parent);
      const items = await Promise.all(vms.map(async (vm) => (await findVm(services, vm)).id));
      const change = { kind: 'addGroup' as const, id: randomUUID(), name, items };
      const after = await services.library.arrange({ ...change, ...(into && { into: into.id }) });
      await show(services, after, flags.json);
    }),
  );
  add(
    new Command('rename')
      .description('rename a group')
      .argument('<group>', 'a/b is b in a')
      .argument('<name>'),
  ).action((path: string, name: string, flags: { json?: true }) =>
    withServices('direct', async (services) => {
      const { id } = await groupAt(services, path);
      const after = await services.library.arrange({ kind: 'renameGroup', group: id, name });
      await show(services, after, flags.json);
    }),
  );
  add(
    new Command('remove')
      .description('dissolve a group; what is in it takes its place')
      .argument('<group>', 'a/b is b in a'),
  ).action((path: string, flags: { json?: true }) =>
    withServices('direct', async (services) => {
      const { id } = await groupAt(services, path);
      const after = await services.library.arrange({ kind: 'removeGroup', group: id });
      await show(services, after, flags.json);
    }),
  );
  add(
    new Command('move')
      .description('put VMs into a group, or out of all groups')
      .argument('<group>', 'a/b is b in a; / is outside of all')
      .argument('<vms...>', 'names or ids'),
  ).action((path: string, vms: string[], flags: { json?: true }) =>
    withServices('direct', async (services) => {
      const into = path === '/' ? undefined : await groupAt(services, path);
      const items = await Promise.all(vms.map(async (vm) => (await findVm(services, vm)).id));
      const change = { kind: 'move' as const, items, ...(into && { into: into.id }) };
      await show(services, await services.library.arrange(change), flags.json);
    }),
  );
  return command;
}

function drawn(items: Arrangement, names: ReadonlyMap<string, string>, depth: number): string[] {
  const margin = '  '.repeat(depth);
  return items.flatMap((item) =>
    'vm' in item
      ? [`${margin}${names.get(item.vm) ?? item.vm}`]
      : [`${margin}${item.group.name}/`, ...drawn(item.group.items, names, depth + 1)],
  );
}

async function groupAt(services: Services, path: string): Promise<Group> {
  let items = await services.library.arrangement();
  let found: Group | undefined;
  for (const part of path.split('/')) {
    const groups = items.flatMap((item) => ('group' in item ? [item.group] : []));
    found = groups.find(({ name }) => name.toLowerCase() === part.toLowerCase());
    if (found === undefined) {
      throw new UserError({
        code: 'no-such-group',
        message: `There is no group "${path}".`,
        hint: 'See "guesthouse group list".',
      });
    }
    items = found.items;
  }
  return found!;
}
