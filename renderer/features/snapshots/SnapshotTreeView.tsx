import Camera from '@mui/icons-material/CameraAltOutlined';
import Memory from '@mui/icons-material/Memory';
import Place from '@mui/icons-material/PlaceOutlined';
import Box from '@mui/material/Box';
import Typography from '@mui/material/Typography';
import { useEffect, useRef, type KeyboardEvent } from 'react';
import { t } from '../../i18n/i18n.ts';
import { nowId, type SnapshotRow } from './snapshotRows.ts';

/** A tree, all of it open, with the keys that trees have. */
export function SnapshotTreeView(props: {
  readonly label: string;
  readonly rows: readonly SnapshotRow[];
  readonly chosen: string;
  choose(id: string): void;
  /** What further keys do with the row that is chosen. */
  readonly keys: Readonly<Record<string, () => unknown>>;
}) {
  const { label, rows, chosen, choose, keys } = props;
  const tree = useRef<HTMLDivElement>(null);
  const index = rows.findIndex(({ id }) => id === chosen);
  const onKeyDown = (event: KeyboardEvent) => {
    const targets: Readonly<Record<string, number>> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      ArrowRight: rows[index + 1]?.parent === chosen ? index + 1 : index,
      ArrowLeft: rows.findIndex(({ id }) => id === rows[index]?.parent),
      Home: 0,
      End: rows.length - 1,
    };
    const target = rows[targets[event.key] ?? -1];
    if (target) choose(target.id);
    else if (keys[event.key]) keys[event.key]!();
    else return;
    event.preventDefault();
  };
  // The focus goes with the choice, but is not taken from elsewhere.
  useEffect(() => {
    if (!tree.current?.contains(document.activeElement)) return;
    tree.current.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
  }, [chosen]);
  return (
    <Box ref={tree} role="tree" aria-label={label} onKeyDown={onKeyDown}>
      {rows.map(({ id, depth, snapshot }) => {
        const Icon = id === nowId ? Place : snapshot?.withState ? Memory : Camera;
        return (
          <Box
            key={id}
            role="treeitem"
            aria-level={depth + 1}
            aria-selected={id === chosen}
            tabIndex={id === chosen ? 0 : -1}
            onClick={() => choose(id)}
            sx={{
              display: 'flex',
              alignItems: 'center',
              gap: 1,
              py: 0.75,
              pr: 1,
              pl: `${8 + 22 * depth}px`,
              borderRadius: 1,
              cursor: 'default',
              '&:hover': { bgcolor: 'action.hover' },
              '&[aria-selected="true"]': {
                bgcolor: 'color-mix(in srgb, var(--mui-palette-primary-main) 14%, transparent)',
              },
            }}
          >
            <Icon
              fontSize="small"
              sx={{ color: id === nowId ? 'primary.main' : 'text.secondary' }}
            />
            <Typography noWrap sx={{ fontWeight: id === nowId ? 700 : 500, fontSize: '0.9rem' }}>
              {snapshot?.name ?? t('snapshots.now')}
            </Typography>
          </Box>
        );
      })}
    </Box>
  );
}
