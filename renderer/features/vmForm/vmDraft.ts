import type { z } from 'zod';
import { t } from '../../i18n/i18n.ts';
import { engineCapabilities } from '../../../shared/vm/capabilities.ts';
import { cpuModelObstacle } from '../../../shared/vm/cpuModels.ts';
import { UserError } from '../../../shared/services/errors.ts';
import { planDrives } from '../../../shared/vm/drives.ts';
import {
  newVmSchema,
  type DiskConfig,
  newDiskSchema,
  type NewDisk,
  type NewVm,
  type VmConfig,
} from '../../../shared/vm/config.ts';

/** What the form holds while it is typed into: numbers are still text, optional paths are ''. */
export interface VmDraft {
  readonly name: string;
  readonly description: string;
  readonly memoryMiB: string;
  readonly cpus: string;
  readonly cpuModel: VmConfig['cpuModel'];
  readonly engine: VmConfig['engine'];
  readonly cpuCap: string;
  readonly card: VmConfig['display']['card'];
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  /** Boot order and menu of the firmware, as in the configuration. */
  readonly order: string;
  readonly menu: boolean;
  readonly disks: readonly DiskConfig[];
  /** Disks that are made with the machine; sizes in GiB, as they are typed. */
  readonly newDisks: readonly {
    readonly size: string;
    readonly format: NewDisk['format'];
    readonly interface: NewDisk['interface'];
  }[];
  /** Drives without a path are empty. */
  readonly cdroms: readonly {
    readonly path: string;
    readonly interface: VmConfig['cdroms'][number]['interface'];
    readonly port?: number | undefined;
  }[];
  readonly floppies: readonly { readonly path: string; readonly readOnly: boolean }[];
  /** In the place of our BIOS. */
  readonly firmware: VmConfig['boot']['firmware'];
  /** Without them the machine gets what a new one has. Names and MAC addresses may be wrong yet. */
  readonly adapters: VmConfig['adapters'] | undefined;
}

/** A disk that has just been added; its path is to be chosen. */
export const newDisk: DiskConfig = {
  ...{ path: '', format: 'auto', allowedFolders: [], readOnly: false, interface: 'virtio' },
};

/** A disk to be made of which nothing else is known. */
export const defaultDisk: VmDraft['newDisks'][number] = {
  ...{ size: '20', format: 'qcow2', interface: 'virtio' },
};

export const newDraft: VmDraft = {
  name: '',
  description: '',
  memoryMiB: '1024',
  cpus: '1',
  cpuModel: 'guesthouse-v2',
  engine: 'translator',
  cpuCap: '100',
  card: 'std',
  kernel: '',
  initrd: '',
  commandLine: 'console=ttyS0',
  order: 'cda',
  menu: false,
  disks: [],
  newDisks: [],
  cdroms: [],
  floppies: [],
  firmware: undefined,
  adapters: undefined,
};

export function draftOf(config: VmConfig): VmDraft {
  return {
    name: config.name,
    description: config.description,
    memoryMiB: String(config.memoryMiB),
    cpus: String(config.cpus),
    cpuModel: config.cpuModel,
    engine: config.engine,
    cpuCap: String(config.cpuCap),
    card: config.display.card,
    kernel: config.boot.kernel ?? '',
    initrd: config.boot.initrd ?? '',
    commandLine: config.boot.commandLine,
    order: config.boot.order,
    menu: config.boot.menu,
    disks: config.disks,
    newDisks: [],
    cdroms: config.cdroms.map(({ path = '', ...rest }) => ({ path, ...rest })),
    floppies: config.floppies.map(({ path = '', readOnly }) => ({ path, readOnly })),
    firmware: config.boot.firmware,
    adapters: config.adapters,
  };
}

/** What is wrong with a field, by its place in the configuration: `boot.kernel`, `disks.0.path`. */
export type Problems = Readonly<Record<string, string>>;

export interface Checked {
  /** Present when there are no problems. */
  readonly vm?: NewVm;
  readonly newDisks?: NewDisk[];
  readonly problems: Problems;
}

/** POSIX, Windows drive or UNC: the manager need not run on the machine that shows the window. */
const absolutePath = /^(\/|[A-Za-z]:[\\/]|\\\\)/;

function withMedium<T extends { readonly path: string }>({ path, ...rest }: T) {
  return path.trim() === '' ? rest : { ...rest, path: path.trim() };
}

function number(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

function wording(field: string, issue: z.core.$ZodIssue): string {
  switch (field.replace(/\.\d+/, '')) {
    case 'name':
      return t(issue.code === 'too_big' ? 'problem.nameLong' : 'problem.nameMissing');
    case 'memoryMiB':
      if (issue.code === 'too_small')
        return t('problem.memorySmall', { limit: Number(issue.minimum) });
      if (issue.code === 'too_big') return t('problem.memoryBig', { limit: Number(issue.maximum) });
      return t('problem.memoryNumber');
    case 'cpus':
      if (issue.code === 'too_small') return t('problem.cpusFew');
      if (issue.code === 'too_big') return t('problem.cpusMany', { limit: Number(issue.maximum) });
      return t('problem.wholeNumber');
    case 'cpuCap':
      return t('problem.cpuCap');
    case 'boot.kernel':
      return t('problem.nothingToBoot');
    case 'boot.firmware.code':
      return t('problem.firmwareMissing');
    case 'boot.commandLine':
      return t('problem.commandLineLong');
    case 'description':
      return t('problem.descriptionLong');
    case 'disks.path':
      return t('problem.diskMissing');
    case 'disks.limits.bytesPerSecond':
    case 'disks.limits.iops':
      return t('problem.diskLimit');
    case 'disks':
      return t('problem.disksMany');
    case 'adapters.mac':
      return t('problem.mac');
    case 'adapters.network.name':
    case 'adapters.network.bridge':
    case 'adapters.network.device':
      return t('networkPage.wrongLabel');
    default:
      return issue.message;
  }
}

/**
 * Checks a draft against the configuration's schema, so that the form and the service agree on
 * what is valid, and says in words what is wrong where it stands.
 */
export function checkDraft(draft: VmDraft): Checked {
  const problems: Record<string, string> = {};
  const kernel = draft.kernel.trim();
  const initrd = draft.initrd.trim();
  // Without a kernel the machine boots from its drives.
  const drives =
    draft.disks.length + draft.newDisks.length + draft.cdroms.length + draft.floppies.length;
  const parsed = newVmSchema.safeParse({
    name: draft.name,
    description: draft.description,
    memoryMiB: number(draft.memoryMiB),
    cpus: number(draft.cpus),
    cpuModel: draft.cpuModel,
    display: { card: draft.card },
    engine: draft.engine,
    cpuCap: number(draft.cpuCap),
    boot: {
      ...((kernel !== '' || drives === 0) && { kernel }),
      ...(initrd !== '' && { initrd }),
      commandLine: draft.commandLine.trim(),
      order: draft.order,
      menu: draft.menu,
      ...(draft.firmware && kernel === '' && { firmware: draft.firmware }),
    },
    ...(draft.adapters && { adapters: draft.adapters }),
    disks: draft.disks.map((disk) => ({ ...disk, path: disk.path.trim() })),
    cdroms: draft.cdroms.map((drive) => withMedium(drive)),
    floppies: draft.floppies.map((drive) => withMedium(drive)),
  });
  for (const issue of parsed.error?.issues ?? []) {
    const field = issue.path.join('.');
    problems[field] ??= wording(field, issue);
  }
  const { maxCpus, maxMemoryMiB } = engineCapabilities[draft.engine];
  if (number(draft.memoryMiB) > maxMemoryMiB)
    problems.memoryMiB ??= t('problem.engineMemory', { limit: maxMemoryMiB });
  if (number(draft.cpus) > maxCpus) problems.cpus ??= t('problem.engineCpus', { count: maxCpus });

  const obstacle =
    draft.engine === 'auto' ? undefined : cpuModelObstacle(draft.cpuModel, draft.engine);
  if (obstacle?.kind === 'speculates')
    problems.cpuModel ??= t('problem.modelNotForKvm', { model: t('system.cpuModels.host-like') });
  else if (obstacle?.kind === 'of-the-host') problems.cpuModel ??= t('problem.modelOfHost');
  else if (obstacle !== undefined)
    problems.cpuModel ??= t('problem.modelLacks', { features: obstacle.features.join(', ') });

  const newDisks = draft.newDisks.flatMap(({ size, ...rest }, index) => {
    const sizeMiB = Math.round(number(size.replace(',', '.')) * 1024);
    const disk = newDiskSchema.safeParse({ ...rest, sizeMiB });
    if (!disk.success) problems[`newDisks.${index}.sizeMiB`] ??= t('problem.diskSize');
    return disk.data ?? [];
  });
  const paths: [string, string][] = [
    ['boot.kernel', draft.kernel],
    ['boot.initrd', draft.initrd],
    ['boot.firmware.code', (kernel === '' && draft.firmware?.code) || ''],
    ...(['disks', 'cdroms', 'floppies'] as const).flatMap((kind) =>
      draft[kind].map(({ path }, index): [string, string] => [`${kind}.${index}.path`, path]),
    ),
    ...(draft.adapters ?? []).map(({ network }, index): [string, string] => [
      `adapters.${index}.network.bootFolder`,
      (network.mode === 'user' && network.bootFolder) || '',
    ]),
  ];
  for (const [field, path] of paths)
    if (path.trim() !== '' && !absolutePath.test(path.trim()))
      problems[field] ??= t('problem.path');
  draft.disks.forEach(({ path }, index) => {
    const first = draft.disks.findIndex((other) => other.path.trim() === path.trim());
    if (path.trim() !== '' && first < index)
      problems[`disks.${index}.path`] ??= t('problem.diskTwice', { number: first + 1 });
  });
  const macs = (draft.adapters ?? []).map(({ mac }) => mac?.toLowerCase());
  macs.forEach((mac, index) => {
    const first = macs.indexOf(mac);
    if (mac !== undefined && first < index)
      problems[`adapters.${index}.mac`] ??= t('problem.macTwice', { number: first + 1 });
  });
  try {
    planDrives({ ...draft, disks: [...draft.disks, ...draft.newDisks] });
  } catch (error) {
    problems.drives ??= error instanceof UserError ? error.message : String(error);
  }
  return Object.keys(problems).length === 0 && parsed.success
    ? { vm: parsed.data, newDisks, problems }
    : { problems };
}

/** The folder and the name of a path of whichever host. */
export function splitPath(path: string): { folder: string; name: string } {
  const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
  const folder = path.slice(0, end);
  const isRoot = folder === '' || /^[A-Za-z]:$/.test(folder);
  return { folder: isRoot ? path.slice(0, end + 1) : folder, name: path.slice(end + 1) };
}
