import type { VmSummary } from '../../shared/services/library.ts';
import { ConfirmDialog } from '../components/ConfirmDialog.tsx';
import { NameDialog } from '../components/NameDialog.tsx';
import { useVmConfig } from '../features/details/useVmConfig.ts';
import { GalleryDialog } from '../features/gallery/GalleryDialog.tsx';
import { CloneDialog } from '../features/library/CloneDialog.tsx';
import { DeleteDialog } from '../features/library/DeleteDialog.tsx';
import { useLibrary } from '../features/library/libraryStore.ts';
import { DroppedDialog } from '../features/media/DroppedDialog.tsx';
import { SnapshotDialog } from '../features/snapshots/SnapshotDialog.tsx';
import { ExportDialog } from '../features/transfer/ExportDialog.tsx';
import { ImportDialog } from '../features/transfer/ImportDialog.tsx';
import { NewVmDialog } from '../features/vmForm/NewVmDialog.tsx';
import { SettingsDialog, type SettingsCategory } from '../features/vmForm/SettingsDialog.tsx';
import { CloseDialog } from '../features/vmWindow/CloseDialog.tsx';
import { KeysDialog } from '../features/vmWindow/KeysDialog.tsx';
import { useDialogs } from './dialogStore.ts';

/** The one dialog that is open. */
export function OpenDialog() {
  const dialog = useDialogs((store) => store.dialog);
  const close = useDialogs((store) => store.close);
  const vms = useLibrary((store) => store.vms);
  switch (dialog?.kind) {
    case undefined:
      return null;
    case 'newVm':
      return <NewVmDialog {...(dialog.draft && { draft: dialog.draft })} onClose={close} />;
    case 'dropped':
      return <DroppedDialog files={dialog.files} vmId={dialog.vmId} onClose={close} />;
    case 'confirm':
      return <ConfirmDialog question={dialog.question} onClose={close} />;
    case 'close':
      return <CloseDialog vm={dialog.vm} onClose={close} />;
    case 'keys':
      return <KeysDialog onClose={close} />;
    case 'snapshot':
      return <SnapshotDialog {...dialog} onClose={close} />;
    case 'import':
      return <ImportDialog {...dialog} onClose={close} />;
    case 'export':
      return <ExportDialog vm={dialog.vm} onClose={close} />;
    case 'gallery':
      return <GalleryDialog onClose={close} />;
    case 'clone':
      return <CloneDialog vm={dialog.vm} onClose={close} />;
    case 'delete':
      return <DeleteDialog vms={dialog.vms} onClose={close} />;
    case 'name':
      return <NameDialog {...dialog} onClose={close} />;
    case 'settings': {
      const vm = vms?.find(({ id }) => id === dialog.vmId);
      return vm ? <Settings vm={vm} category={dialog.category} onClose={close} /> : null;
    }
  }
}

function Settings(props: {
  readonly vm: VmSummary;
  readonly category: SettingsCategory;
  onClose(): void;
}) {
  const { data: config } = useVmConfig(props.vm);
  return config ? <SettingsDialog {...props} config={config} /> : null;
}
