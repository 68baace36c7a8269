import ChevronRight from '@mui/icons-material/ChevronRight';
import Box from '@mui/material/Box';
import Typography from '@mui/material/Typography';
import { memo, type ComponentProps } from 'react';
import { t } from '../../i18n/i18n.ts';
import { VmIcon } from '../../components/Artwork.tsx';
import type { ListRow } from './listRows.ts';
import { StateLabel } from './StateLabel.tsx';
import type { DropPlace } from './useListDrag.ts';

interface ListRowViewProps extends Pick<
  ComponentProps<'div'>,
  | 'draggable'
  | 'onClick'
  | 'onDoubleClick'
  | 'onContextMenu'
  | 'onDragStart'
  | 'onDragOver'
  | 'onDragLeave'
  | 'onDragEnd'
  | 'onDrop'
> {
  readonly row: ListRow;
  /** Pixels from the top of the list. */
  readonly top: number;
  readonly height: number;
  readonly marked: boolean;
  /** The row of the keyboard. */
  readonly focused: boolean;
  readonly drop: DropPlace['where'] | undefined;
  toggle(): void;
}

const line = { content: '""', position: 'absolute', left: 4, right: 4, height: 2 } as const;

/**
 * Drawn anew only if something that is seen has changed, so that scrolling draws the rows that come: what a row does
 * depends on the row itself, which is another object whenever the list changes.
 */
export const ListRowView = memo(RowView, (before, now) =>
  seen.every((name) => before[name] === now[name]),
);
const seen = ['row', 'top', 'height', 'marked', 'focused', 'drop'] as const;

function RowView(props: ListRowViewProps) {
  const { row, top, height, marked, focused, drop, toggle, ...events } = props;
  return (
    <Box
      {...events}
      id={`vm-${row.id}`}
      data-vm-id={row.kind === 'vm' ? row.id : undefined}
      role="treeitem"
      aria-level={row.depth + 1}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-selected={marked}
      aria-expanded={row.kind === 'group' ? row.open : undefined}
      data-focused={focused}
      data-drop={drop}
      style={{ transform: `translateY(${top}px)`, height, paddingLeft: 10 + 14 * row.depth }}
      sx={{
        position: 'absolute',
        top: 0,
        left: 0,
        right: 0,
        display: 'flex',
        alignItems: 'center',
        gap: row.kind === 'vm' ? 1.5 : 0.5,
        pr: 1.25,
        borderRadius: 1,
        cursor: 'default',
        userSelect: 'none',
        '&:hover': { bgcolor: 'action.hover' },
        '&[aria-selected="true"]': {
          bgcolor: 'color-mix(in srgb, var(--mui-palette-primary-main) 14%, transparent)',
        },
        '&[aria-selected="true"]::before': {
          ...{ content: '""', position: 'absolute', left: 0, top: 8, bottom: 8, width: 3 },
          ...{ borderRadius: 2, bgcolor: 'primary.main' },
        },
        '[role="tree"]:focus-visible &[data-focused="true"]': {
          outline: '1px solid var(--mui-palette-primary-main)',
          outlineOffset: '-1px',
        },
        '&[data-drop="before"]::after': { ...line, top: -1, bgcolor: 'primary.main' },
        '&[data-drop="after"]::after': { ...line, bottom: -1, bgcolor: 'primary.main' },
        '&[data-drop="into"]': { outline: '2px solid var(--mui-palette-primary-main)' },
      }}
    >
      {row.kind === 'vm' ? (
        <>
          <VmIcon id={row.id} dimmed={row.vm.unusable === true} />
          <Box sx={{ minWidth: 0 }}>
            <Typography noWrap sx={{ fontWeight: 650, fontSize: '0.9rem' }} title={row.vm.name}>
              {row.vm.name}
            </Typography>
            <StateLabel vm={row.vm} />
          </Box>
        </>
      ) : (
        <>
          <ChevronRight
            aria-hidden="true"
            onClick={(event) => {
              event.stopPropagation();
              toggle();
            }}
            sx={{ fontSize: 20, rotate: row.open ? '90deg' : undefined, color: 'text.secondary' }}
          />
          <Typography noWrap sx={{ fontWeight: 650, fontSize: '0.85rem', flex: 1 }}>
            {row.name}
          </Typography>
          <Typography variant="caption" sx={{ color: 'text.secondary' }}>
            {t('groups.count', { count: row.machines.length })}
          </Typography>
        </>
      )}
    </Box>
  );
}
