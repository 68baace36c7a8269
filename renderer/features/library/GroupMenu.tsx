import type { VmSummary } from '../../../shared/services/library.ts';
import { t } from '../../i18n/i18n.ts';
import { ContextMenu } from './ContextMenu.tsx';
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
  return (
    <ContextMenu
      label={row.name}
      commands={useCommandItems(vms, onClose)}
      own={[
        { word: t('groups.renameItem'), act: () => actions.rename(row) },
        { word: t('groups.newInside'), act: () => actions.addGroup([], row.id) },
        { word: t('groups.remove'), act: () => actions.removeGroup(row.id) },
      ]}
      {...{ at, onClose }}
    />
  );
}
