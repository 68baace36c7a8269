import Divider from '@mui/material/Divider';
import MenuItem from '@mui/material/MenuItem';
import ListItemText from '@mui/material/ListItemText';
import type { ReactNode } from 'react';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { ContextMenu } from './ContextMenu.tsx';
import { isLive, whyNotAny, type CommandName } from './commands.ts';
import type { ListRow } from './listRows.ts';
import { openVmWindow } from '../vmWindow/ownWindow.ts';
import { useCommands } from './useCommands.ts';
import type { ListActions } from './useListActions.ts';

/** The toolbar's commands for these machines, as items of a menu. */
export function useCommandItems(vms: readonly VmSummary[], onClose: () => void): ReactNode[] {
  const run = useCommands();
  const item = (command: CommandName, word: string) => {
    const why = whyNotAny(command, vms);
    return (
      <MenuItem
        key={command}
        dense
        aria-disabled={why !== undefined}
        sx={why === undefined ? undefined : { opacity: 0.55, cursor: 'default' }}
        onClick={() => {
          if (why !== undefined) return;
          onClose();
          run(command, vms);
        }}
      >
        <ListItemText primary={word} secondary={why} />
      </MenuItem>
    );
  };
  const live = vms.some(isLive);
  const paused = vms.some(({ state }) => state === 'paused');
  const running = vms.some(({ state }) => state === 'running');
  const ownWindow = vms.length === 1 && !vms[0]!.unusable && (
    <MenuItem
      key="window"
      dense
      onClick={() => {
        onClose();
        openVmWindow(vms[0]!.id);
      }}
    >
      <ListItemText primary={t('vmWindow.open')} />
    </MenuItem>
  );
  return [
    live && vms.length === 1 && item('show', t('command.show')),
    live && ownWindow,
    (!live || vms.length > 1) && item('start', t('command.start')),
    paused && item('resume', t('command.resume')),
    (running || (live && !paused)) && item('pause', t('command.pause')),
    live && item('reset', t('menu.reset')),
    live && item('shutDown', t('command.shutDown')),
    live && item('saveState', t('command.saveState')),
    vms.some(({ state }) => state === 'saved') && item('discardState', t('menu.discardState')),
    live && item('powerOff', t('menu.powerOff')),
    <Divider key="more" />,
    vms.length === 1 && item('settings', t('menu.settings')),
    vms.length === 1 && item('clone', t('menu.clone')),
    vms.length === 1 && item('export', `${t('transfer.export')}…`),
    !live && ownWindow,
    item('delete', t('menu.delete')),
  ];
}

/** The context menu of a machine in the list: the toolbar's commands at hand, for all that are marked. */
export function VmMenu(props: {
  readonly row: ListRow & { readonly kind: 'vm' };
  readonly vms: readonly VmSummary[];
  readonly at: { readonly left: number; readonly top: number };
  readonly actions: ListActions;
  onClose(): void;
}) {
  const { row, vms, at, actions, onClose } = props;
  const { parent } = row;
  return (
    <ContextMenu
      label={vms.length > 1 ? t('list.selected', { count: vms.length }) : (vms[0]?.name ?? '')}
      commands={useCommandItems(vms, onClose)}
      own={[
        ...(vms.length === 1
          ? [{ word: t('groups.renameItem'), act: () => actions.rename(row) }]
          : []),
        { word: t('groups.newOf'), act: () => actions.addGroup(vms.map(({ id }) => id)) },
        ...(parent === undefined
          ? []
          : [{ word: t('groups.takeOut'), act: () => void actions.moveOut(row.id, parent) }]),
      ]}
      {...{ at, onClose }}
    />
  );
}
