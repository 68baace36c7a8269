import Camera from '@mui/icons-material/CameraAltOutlined';
import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import Edit from '@mui/icons-material/EditOutlined';
import Restore from '@mui/icons-material/SettingsBackupRestore';
import Box from '@mui/material/Box';
import LinearProgress from '@mui/material/LinearProgress';
import Typography from '@mui/material/Typography';
import { useEffect, useState } from 'react';
import type { SnapshotTree } from '../../../shared/services/snapshots.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { snapshotShortcutOf, snapshotShortcutText as shortcutText } from '../../app/shortcuts.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import { CommandButton } from '../../components/CommandButton.tsx';
import { FailureAlert } from '../../components/FailureAlert.tsx';
import { currentLanguage, t } from '../../i18n/i18n.ts';
import { isLive } from '../library/commands.ts';
import { explain } from '../notices/noticeStore.ts';
import { SnapshotTreeView } from './SnapshotTreeView.tsx';
import { nowId, snapshotRows } from './snapshotRows.ts';
import { useSnapshotActions, useSnapshotWork, useSnapshots } from './useSnapshots.ts';

/** The snapshots of a machine: the tree, what is known of the one that is selected, and what can be done. */
export function SnapshotsTab({ vm }: { readonly vm: VmSummary }) {
  const { data: tree, error } = useSnapshots(vm);
  if (error) return <FailureAlert failure={explain(error)} />;
  if (!tree) return <LinearProgress aria-label={t('snapshots.loading')} />;
  return <Loaded vm={vm} tree={tree} />;
}

function Loaded({ vm, tree }: { readonly vm: VmSummary; readonly tree: SnapshotTree }) {
  const rows = snapshotRows(tree);
  const [wanted, setWanted] = useState<string>(nowId);
  const chosen = rows.find(({ id }) => id === wanted) ?? rows.find(({ id }) => id === nowId)!;
  const { snapshot } = chosen;
  const work = useSnapshotWork((store) => store.work.get(vm.id));
  const actions = useSnapshotActions(vm, tree);
  const busy = work === undefined ? undefined : t(`snapshots.busy.${work}`, { name: vm.name });
  const none = snapshot ? undefined : t('snapshots.selectOne');
  const live = isLive(vm) ? t('snapshots.powerOffFirst', { name: vm.name }) : undefined;

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const shortcut = snapshotShortcutOf(event);
      if (!shortcut) return;
      event.preventDefault();
      if (busy || useDialogs.getState().dialog) return;
      if (shortcut === 'takeSnapshot') actions.take();
      else if (shortcut === 'restoreSnapshot' && snapshot && !live) actions.restore(snapshot);
      else if (shortcut === 'deleteSnapshot' && snapshot) actions.remove(snapshot);
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [actions, busy, live, snapshot]);

  return (
    <Box sx={{ flex: 1, minHeight: 0, display: 'flex', flexDirection: 'column' }}>
      <Box
        role="toolbar"
        aria-label={t('snapshots.title')}
        sx={{ display: 'flex', px: 1, py: 0.5, borderBottom: 1, borderColor: 'divider' }}
      >
        <CommandButton
          label={t('snapshots.take')}
          icon={<Camera />}
          why={busy}
          tip={t('snapshots.takeTip', { key: shortcutText('takeSnapshot') })}
          onClick={actions.take}
        />
        <CommandButton
          label={t('snapshots.restore')}
          icon={<Restore />}
          why={busy ?? none ?? live}
          tip={t('snapshots.restoreTip', { key: shortcutText('restoreSnapshot') })}
          onClick={() => snapshot && actions.restore(snapshot)}
        />
        <CommandButton
          label={t('snapshots.edit')}
          icon={<Edit />}
          why={busy ?? none}
          tip={t('snapshots.editTip')}
          onClick={() => snapshot && actions.edit(snapshot)}
        />
        <CommandButton
          label={t('snapshots.delete')}
          icon={<DeleteOutlined />}
          why={busy ?? none}
          tip={t('snapshots.deleteTip', { key: shortcutText('deleteSnapshot') })}
          onClick={() => snapshot && actions.remove(snapshot)}
        />
      </Box>
      <Box role="status" sx={{ minHeight: 4 }}>
        {busy && (
          <Box sx={{ px: 2, py: 1 }}>
            <Typography sx={{ fontSize: '0.875rem', mb: 0.5 }}>{busy}</Typography>
            <LinearProgress aria-label={busy} />
          </Box>
        )}
      </Box>
      <Box sx={{ flex: 1, minHeight: 0, display: 'flex', flexWrap: 'wrap', overflowY: 'auto' }}>
        <Box sx={{ flex: '1 1 320px', minWidth: 0, p: 2 }}>
          {tree.snapshots.length === 0 && (
            <Typography sx={{ color: 'text.secondary', mb: 2, maxWidth: 560 }}>
              {t('snapshots.none', { name: vm.name })}
            </Typography>
          )}
          <SnapshotTreeView
            label={t('snapshots.tree', { name: vm.name })}
            rows={rows}
            chosen={chosen.id}
            choose={setWanted}
            keys={{
              F2: () => snapshot && !busy && actions.edit(snapshot),
              Delete: () => snapshot && !busy && actions.remove(snapshot),
              Enter: () => snapshot && !busy && !live && actions.restore(snapshot),
            }}
          />
        </Box>
        <Box
          component="section"
          aria-label={snapshot?.name ?? t('snapshots.now')}
          sx={{ flex: '1 1 280px', minWidth: 0, p: 2, borderLeft: 1, borderColor: 'divider' }}
        >
          <Typography variant="h2" sx={{ overflowWrap: 'anywhere' }}>
            {snapshot?.name ?? t('snapshots.now')}
          </Typography>
          {snapshot ? (
            <>
              <Typography sx={{ color: 'text.secondary', fontSize: '0.875rem', my: 1 }}>
                {t('snapshots.takenAt', { time: timeOf(snapshot.takenAt) })}
                {', '}
                {t(snapshot.withState ? 'snapshots.withState' : 'snapshots.withoutState')}
              </Typography>
              <Typography sx={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                {snapshot.description || t('snapshots.noDescription')}
              </Typography>
            </>
          ) : (
            <Typography sx={{ color: 'text.secondary', fontSize: '0.875rem', my: 1 }}>
              {t('snapshots.nowText', { name: vm.name })}
            </Typography>
          )}
        </Box>
      </Box>
    </Box>
  );
}

const timeOf = (iso: string): string =>
  new Date(iso).toLocaleString(currentLanguage(), { dateStyle: 'medium', timeStyle: 'short' });
