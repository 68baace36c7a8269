/** `guesthouse snapshot …`, `save-state` and `discard-state`. */
import { Command } from 'commander';
import type { Services } from '../../shared/rpc/serviceContract.ts';
import type { VmSummary } from '../../shared/services/library.ts';
import { UserError } from '../../shared/services/errors.ts';
import type { SnapshotInfo, SnapshotTree } from '../../shared/services/snapshots.ts';
import { UsageError } from './commandError.ts';
import { findVm, withServices } from './withServices.ts';

interface Flags {
  readonly json?: true;
  readonly description?: string;
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
/** What was done: for people, or with --json what it was done to. */
const tell = (flags: Flags, result: unknown, text: string): void =>
  print(flags.json ? JSON.stringify(result, null, 2) : text);
const jsonOption = ['--json', 'machine-readable'] as const;

export function snapshotCommands(): Command[] {
  const snapshot = new Command('snapshot').description('take, restore and look after snapshots');
  const commands = [
    new Command('list')
      .description('the snapshots of a VM as a tree; * marks where it is now')
      .argument('<vm>', 'name or id')
      .option(...jsonOption)
      .action((name: string, flags: Flags) =>
        withServices('direct', async (services) => {
          const vm = await findVm(services, name);
          const tree = await services.snapshots.list(vm.id);
          tell(flags, tree, formatTree(tree));
        }),
      ),
    new Command('take')
      .description('keep the disks, the settings and, of a running VM, its state; it goes on')
      .argument('<vm>', 'name or id')
      .argument('<name>')
      .option('--description <text>', 'notes')
      .option(...jsonOption)
      .action((vmName: string, name: string, flags: Flags) =>
        withServices('direct', async (services) => {
          const vm = await findVm(services, vmName);
          const { description } = flags;
          const taken = await services.snapshots.take(vm.id, { name, description });
          tell(flags, taken, `Took the snapshot "${taken.name}" of "${vm.name}" (${taken.id}).`);
        }),
      ),
    withSnapshot(
      'restore',
      'make a VM what it was; what it is now is lost unless a snapshot has it',
    ).action((vmName: string, name: string, flags: Flags) =>
      withFound(vmName, name, async (services, vm, snapshot) => {
        await services.snapshots.restore(vm.id, snapshot.id);
        const how = snapshot.withState ? 'goes on from there' : 'boots from its disks';
        tell(flags, snapshot, `"${vm.name}" is as in "${snapshot.name}"; the next start ${how}.`);
      }),
    ),
    withSnapshot('delete', 'forget a snapshot; what is still needed of it is merged').action(
      (vmName: string, name: string, flags: Flags) =>
        withFound(vmName, name, async (services, vm, snapshot) => {
          await services.snapshots.delete(vm.id, snapshot.id);
          tell(flags, snapshot, `Deleted the snapshot "${snapshot.name}" of "${vm.name}".`);
        }),
    ),
    withSnapshot('rename', 'rename a snapshot, or describe it')
      .argument('[new-name]')
      .option('--description <text>', 'notes')
      .action((vmName: string, name: string, to: string | undefined, flags: Flags) => {
        const { description } = flags;
        if (to === undefined && description === undefined)
          throw new UsageError('snapshot rename: give a new name, or --description');
        return withFound(vmName, name, async (services, vm, { id, name: its }) => {
          await services.snapshots.change(vm.id, id, { name: to, description });
          const now = findSnapshot(await services.snapshots.list(vm.id), id);
          tell(flags, now, `Changed the snapshot "${to ?? its}" of "${vm.name}".`);
        });
      }),
  ];
  for (const command of commands)
    snapshot.addCommand(command.exitOverride().configureOutput({ outputError: () => undefined }));
  return [
    snapshot,
    new Command('save-state')
      .description('save the state of a running VM and end it; the next start goes on from there')
      .argument('<vm>', 'name or id')
      .option(...jsonOption)
      .action((name: string, flags: Flags) =>
        withServices('direct', async (services) => {
          const vm = await findVm(services, name);
          await services.snapshots.saveState(vm.id);
          tell(flags, await findVm(services, vm.id), `"${vm.name}" is saved.`);
        }),
      ),
    new Command('discard-state')
      .description('forget the saved state of a VM, as if its plug had been pulled')
      .argument('<vm>', 'name or id')
      .option(...jsonOption)
      .action((name: string, flags: Flags) =>
        withServices('direct', async (services) => {
          const vm = await findVm(services, name);
          await services.snapshots.discardState(vm.id);
          tell(flags, await findVm(services, vm.id), `"${vm.name}" is powered off.`);
        }),
      ),
  ];
}

const withSnapshot = (verb: string, description: string): Command =>
  new Command(verb)
    .description(description)
    .argument('<vm>', 'name or id')
    .argument('<snapshot>', 'name or id')
    .option(...jsonOption);

function withFound(
  vmName: string,
  name: string,
  work: (services: Services, vm: VmSummary, snapshot: SnapshotInfo) => Promise<void>,
): Promise<void> {
  return withServices('direct', async (services) => {
    const vm = await findVm(services, vmName);
    await work(services, vm, findSnapshot(await services.snapshots.list(vm.id), name));
  });
}

function findSnapshot({ snapshots }: SnapshotTree, nameOrId: string): SnapshotInfo {
  const found = snapshots.filter((one) => one.id === nameOrId || one.name === nameOrId);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new UserError(
    only === undefined
      ? {
          code: 'no-such-snapshot',
          message: `There is no snapshot "${nameOrId}".`,
          hint:
            snapshots.length === 0
              ? 'Take one with "guesthouse snapshot take".'
              : `There are: ${snapshots.map(({ name }) => name).join(', ')}.`,
        }
      : {
          code: 'ambiguous',
          message: `${found.length} snapshots are named "${nameOrId}".`,
          hint: `Use an id: ${found.map(({ id }) => id).join(', ')}.`,
        },
  );
}

function formatTree({ snapshots, current }: SnapshotTree): string {
  if (snapshots.length === 0)
    return 'There are no snapshots. Take one with "guesthouse snapshot take".';
  const lines: string[] = [];
  const add = (parent: string | undefined, depth: number): void => {
    for (const one of snapshots.filter((each) => each.parent === parent)) {
      const mark = one.id === current ? ' *' : '';
      const state = one.withState ? ', with its state' : '';
      lines.push(`${'  '.repeat(depth)}${one.name}${mark}  ${one.takenAt}${state}  ${one.id}`);
      if (one.description !== '') lines.push(`${'  '.repeat(depth)}  ${one.description}`);
      add(one.id, depth + 1);
    }
  };
  add(undefined, 0);
  return lines.join('\n');
}
