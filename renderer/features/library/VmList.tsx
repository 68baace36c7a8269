import Box from '@mui/material/Box';
import Typography from '@mui/material/Typography';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState, type MouseEvent } from 'react';
import { t } from '../../i18n/i18n.ts';
import { isLive } from './commands.ts';
import { fullArrangement, targetsOf, useLibrary } from './libraryStore.ts';
import { ListRowView } from './ListRowView.tsx';
import { ListSearch } from './ListSearch.tsx';
import { listRows, type ListRow } from './listRows.ts';
import { useListView } from './listStore.ts';
import { useCommands } from './useCommands.ts';
import { useListActions } from './useListActions.ts';
import { useListDrag } from './useListDrag.ts';
import { useListKeys } from './useListKeys.ts';
import { GroupMenu } from './GroupMenu.tsx';
import { VmMenu } from './VmMenu.tsx';

const rowHeight = { vm: 56, group: 34 } as const;

/** The machines in their groups. Only the rows that are seen are drawn. */
export function VmList() {
  const vms = useLibrary((store) => store.vms);
  const arrangement = useLibrary((store) => store.arrangement);
  const marked = useLibrary((store) => store.marked);
  const cursor = useLibrary((store) => store.cursor);
  const { search, closed, setOpen } = useListView();
  const run = useCommands();
  const actions = useListActions();
  const drag = useListDrag(actions);
  const list = useRef<HTMLDivElement>(null);
  const [menu, setMenu] = useState<{ id: string; at: { left: number; top: number } }>();

  const rows = useMemo(
    () => listRows(fullArrangement({ arrangement, vms }), vms ?? [], { closed, search }),
    [arrangement, vms, closed, search],
  );
  const onKeyDown = useListKeys(rows, actions);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => list.current,
    estimateSize: (index) => rowHeight[rows[index]!.kind],
    getItemKey: (index) => rows[index]!.id,
    overscan: 6,
    useFlushSync: false,
  });
  const index = rows.findIndex(({ id }) => id === cursor);
  useEffect(() => {
    if (index >= 0) virtual.scrollToIndex(index);
    // Only where the keyboard has gone to: scrolling away from it is allowed.
  }, [cursor]);
  useEffect(() => virtual.measure(), [virtual, rows]);

  const openMenu = (row: ListRow, left: number, top: number) => {
    const { marked: now } = useLibrary.getState();
    if (row.kind === 'group' || !now.has(row.id)) actions.choose(row, 'one');
    setMenu({ id: row.id, at: { left, top } });
  };
  const onRow = (row: ListRow) => ({
    ...(search === '' ? drag.bind(row) : {}),
    onClick: (event: MouseEvent) => {
      if (event.shiftKey) actions.chooseTo(rows, row);
      else actions.choose(row, event.ctrlKey || event.metaKey ? 'toggle' : 'one');
    },
    onDoubleClick: () => {
      if (row.kind === 'group') setOpen(row.id, !row.open);
      else run(isLive(row.vm) ? 'show' : 'start', row.vm);
    },
    onContextMenu: (event: MouseEvent) => {
      event.preventDefault();
      event.stopPropagation();
      openMenu(row, event.clientX, event.clientY);
    },
  });
  const menuRow = rows.find(({ id }) => id === menu?.id);
  const menuTargets = targetsOf({ vms, marked });

  return (
    <>
      <ListSearch matches={rows.filter(({ kind }) => kind === 'vm').length} />
      <Box
        ref={list}
        role="tree"
        aria-label={t('list.machines')}
        aria-multiselectable="true"
        tabIndex={0}
        aria-activedescendant={index >= 0 ? `vm-${cursor}` : undefined}
        onKeyDown={onKeyDown}
        onContextMenu={(event) => {
          // The menu key: the list has the focus, so the row is the one of the keyboard.
          event.preventDefault();
          const row = rows[index];
          const box = document.getElementById(`vm-${cursor}`)?.getBoundingClientRect();
          if (row && box) openMenu(row, box.left + 48, box.top + 30);
        }}
        {...drag.bindRest}
        sx={{ flex: 1, minHeight: 0, overflowY: 'auto', p: 1, outlineOffset: '-3px !important' }}
      >
        <Box
          role="presentation"
          sx={{ position: 'relative', contain: 'strict' }}
          style={{ height: virtual.getTotalSize() }}
        >
          {virtual.getVirtualItems().map(({ key, index: at, start }) => {
            const row = rows[at]!;
            return (
              <ListRowView
                key={key}
                row={row}
                top={start}
                height={rowHeight[row.kind]}
                marked={row.kind === 'vm' ? marked.has(row.id) : row.id === cursor}
                focused={row.id === cursor}
                drop={drag.place?.id === row.id ? drag.place.where : undefined}
                toggle={() => row.kind === 'group' && setOpen(row.id, !row.open)}
                {...onRow(row)}
              />
            );
          })}
        </Box>
        {rows.length === 0 && (
          <Typography sx={{ p: 1, color: 'text.secondary', fontSize: '0.875rem' }}>
            {t('list.noMatch', { search })}
          </Typography>
        )}
      </Box>
      {/* Beside the list: its keys would otherwise reach the list too. */}
      {menu && menuRow?.kind === 'vm' && (
        <VmMenu
          row={menuRow}
          vms={menuTargets}
          at={menu.at}
          actions={actions}
          onClose={() => setMenu(undefined)}
        />
      )}
      {menu && menuRow?.kind === 'group' && (
        <GroupMenu
          row={menuRow}
          vms={menuTargets}
          at={menu.at}
          actions={actions}
          onClose={() => setMenu(undefined)}
        />
      )}
    </>
  );
}
