import type { VmSummary } from '../../shared/services/library.ts';
import type { VmConfig } from '../../shared/vm/config.ts';
import type { EngineInUse } from '../../shared/vm/engines.ts';
import type { VmState } from '../../shared/vm/lifecycle.ts';

export const stateNames: Readonly<Record<VmState, string>> = {
  poweredOff: 'Powered off',
  saved: 'Saved',
  starting: 'Starting',
  running: 'Running',
  paused: 'Paused',
  stopping: 'Stopping',
  aborted: 'Aborted',
};

export function stateOf(vm: VmSummary): string {
  return vm.unusable ? 'Unusable' : stateNames[vm.state];
}

/** Name, state, id in columns; reasons on a line of their own. */
export function formatList(vms: readonly VmSummary[]): string {
  if (vms.length === 0) return 'There are no VMs. Create one with "guesthouse create".';
  const nameWidth = Math.max(...vms.map((vm) => vm.name.length));
  const lines = vms.flatMap((vm) => {
    const engine = vm.engine === undefined ? '' : `  on ${vm.engine.name}`;
    const line = `${vm.name.padEnd(nameWidth)}  ${stateOf(vm).padEnd(11)}  ${vm.id}${engine}`;
    return vm.reason === undefined ? [line] : [line, `    ${reasonOf(vm)}`];
  });
  return lines.join('\n');
}

export function formatDetails(summary: VmSummary, config: VmConfig | undefined): string {
  const rows: [string, string][] = [
    ['Name', summary.name],
    ['Id', summary.id],
    ['State', stateOf(summary)],
  ];
  if (summary.reason !== undefined) rows.push(['Reason', reasonOf(summary)]);
  if (summary.engine !== undefined) rows.push(['Runs on', engineOf(summary.engine)]);
  if (config) {
    if (config.description !== '') rows.push(['Description', config.description]);
    rows.push(
      ['Memory', `${config.memoryMiB} MiB`],
      [
        'CPUs',
        `${config.cpus} (${config.cpuModel}, ${config.engine}${config.cpuCap === 100 ? '' : `, at most ${config.cpuCap} %`})`,
      ],
    );
    if (config.boot.kernel === undefined) rows.push(['Boot order', config.boot.order]);
    else rows.push(['Kernel', config.boot.kernel]);
    if (config.boot.initrd !== undefined) rows.push(['Initrd', config.boot.initrd]);
    if (config.boot.commandLine !== '') rows.push(['Command line', config.boot.commandLine]);
    for (const [index, disk] of config.disks.entries()) {
      const how = [disk.interface, ...(disk.readOnly ? ['read-only'] : [])].join(', ');
      rows.push([`Disk ${index + 1}`, `${disk.path} (${how})`]);
    }
    for (const [index, { path, interface: where }] of config.cdroms.entries()) {
      rows.push([`CD-ROM ${index + 1}`, `${path ?? 'empty'} (${where})`]);
    }
    for (const [index, { path, readOnly }] of config.floppies.entries()) {
      rows.push([`Floppy ${index + 1}`, `${path ?? 'empty'}${readOnly ? ' (read-only)' : ''}`]);
    }
    rows.push(['Created', config.createdAt]);
  }
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${`${label}:`.padEnd(width + 2)}${value}`).join('\n');
}

export function engineOf({ name, reason }: EngineInUse): string {
  return reason === undefined ? name : `${name} (${reason})`;
}

function reasonOf(vm: VmSummary): string {
  return [vm.reason, vm.hint].filter((text) => text !== undefined).join(' ');
}
