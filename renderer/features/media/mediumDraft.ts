import { guessSystem, type SystemGuess } from '../../../shared/media/guessSystem.ts';
import { useOf } from '../../../shared/media/mediumUse.ts';
import type { Medium } from '../../../shared/media/recogniseMedium.ts';
import { diskSchema, type VmChanges, type VmConfig } from '../../../shared/vm/config.ts';
import { newDisk, newDraft, splitPath, type VmDraft } from '../vmForm/vmDraft.ts';

export interface PlacedMedium {
  readonly path: string;
  readonly medium: Medium;
}

/** Which system a medium holds, by its label and its file's name. */
export const systemOn = ({ path, medium }: PlacedMedium): SystemGuess | undefined =>
  guessSystem(medium.kind === 'other' ? undefined : medium.label, splitPath(path).name);

/** What is known of a machine that is made for these media. */
export function draftOfMedia(media: readonly PlacedMedium[]): Partial<VmDraft> {
  const uses = media.map(({ path, medium }) => ({ path, medium, use: useOf(medium) }));
  const pathsAs = (as: string) => uses.filter(({ use }) => use?.as === as).map(({ path }) => path);
  const first = media[0];
  const fileName = first === undefined ? '' : splitPath(first.path).name;
  const system = first && systemOn(first);
  const [kernel] = pathsAs('kernel');
  return {
    name: system?.name ?? fileName.replace(/\.\w{1,5}$/, ''),
    ...(system && { memoryMiB: String(system.memoryMiB) }),
    ...(kernel === undefined ? { commandLine: '' } : { kernel }),
    disks: pathsAs('disk').map((path) => ({
      ...newDisk,
      path,
      // Its system may know no virtio yet.
      interface: 'ide' as const,
    })),
    cdroms: pathsAs('cdrom').map((path) => ({ path, interface: 'ide' as const })),
    floppies: pathsAs('floppy').map((path) => ({ path, readOnly: false })),
    order: newDraft.order,
  };
}

/** A machine's drives with these media added: in empty drives first, then in new ones. */
export function attachMedia(config: VmConfig, media: readonly PlacedMedium[]): VmChanges {
  const disks = [...config.disks];
  const cdroms = [...config.cdroms];
  const floppies = [...config.floppies];
  for (const { path, medium } of media) {
    const use = useOf(medium);
    if (use?.as === 'disk') {
      disks.push({ ...diskSchema.parse({ path }), format: use.format });
    } else if (use?.as === 'cdrom') insert(cdroms, path, { interface: 'ide' });
    else if (use?.as === 'floppy') insert(floppies, path, { readOnly: false });
  }
  return { disks, cdroms, floppies };
}

function insert<T extends { path?: string | undefined }>(
  drives: T[],
  path: string,
  added: Omit<T, 'path'>,
): void {
  const empty = drives.findIndex((drive) => drive.path === undefined);
  if (empty < 0) drives.push({ ...added, path } as T);
  else drives[empty] = { ...drives[empty]!, path };
}
