/** A disk builds on an image outside the folders that it may read, which is asked about before it is opened. */
import { UserError, type WantedFolder } from '../../../shared/services/errors.ts';
import type { LibraryService } from '../../../shared/services/library.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import { t } from '../../i18n/i18n.ts';
import { explain } from '../notices/noticeStore.ts';

export type WantsFolder = UserError & { readonly wanted: WantedFolder };

export const wantsFolder = (error: unknown): error is WantsFolder =>
  error instanceof UserError && error.wanted !== undefined;

/** `name`: of the machine whose disk it is. */
export function askForFolder(name: string, error: WantsFolder, allow: () => void): void {
  useDialogs.getState().open({
    kind: 'confirm',
    question: {
      title: t('ask.folder', { name }),
      text: t('ask.folderText', { problem: explain(error).message }),
      names: [error.wanted.folder],
      action: t('action.allow'),
      act: allow,
    },
  });
}

/** Keeps what was allowed with the machine's disk. Rejects with `error` if that is not its disk any more. */
export async function allowFolder(
  library: LibraryService,
  vmId: string,
  error: WantsFolder,
): Promise<void> {
  const { disk: path, folder } = error.wanted;
  const { disks } = await library.get(vmId);
  if (!disks.some((disk) => disk.path === path)) throw error;
  await library.modify(vmId, {
    disks: disks.map((disk) =>
      disk.path === path ? { ...disk, allowedFolders: [...disk.allowedFolders, folder] } : disk,
    ),
  });
}
