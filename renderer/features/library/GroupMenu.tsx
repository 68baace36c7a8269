import Divider from '@mui/material/Divider';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import ListItemText from '@mui/material/ListItemText';
import type { VmSummary } from '../../../shared/services/library.ts';
import { t } from '../../i18n/i18n.ts';
import type { ListRow } from './listRows.ts';
import type { ListActions } from './useListActions.ts';
import { useCommandItems } from './VmMenu.tsx';

/** The context menu of a group: for all its machines, and for itself. */
export function GroupMenu(props: {
  readonly row: ListRow & { readonly kind: 'group' };
  /** The group's machines. */
  readonly vms: readonly VmSummary[];
  readonly at: { readonly left: number; readonly top: number };
  readonly actions: ListActions;
  onClose(): void;
}) {
  const { row, vms, at, actions, onClose } = props;
  const items = useCommandItems(vms, onClose);
  const own = (word: string, act: () => void) => (
    <MenuItem
      dense
      onClick={() => {
        onClose();
        act();
      }}
    >
      <ListItemText primary={word} />
    </MenuItem>
  );
  return (
    <Menu
      open
      onClose={onClose}
      anchorReference="anchorPosition"
      anchorPosition={at}
      slotProps={{ list: { 'aria-label': row.name } }}
    >
      {items}
      <Divider />
      {own(t('groups.renameItem'), () => actions.rename(row))}
      {own(t('groups.newInside'), () => actions.addGroup([], row.id))}
      {own(t('groups.remove'), () => actions.removeGroup(row.id))}
    </Menu>
  );
}
