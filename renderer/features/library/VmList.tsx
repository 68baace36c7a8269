import Box from '@mui/material/Box';
import Typography from '@mui/material/Typography';
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { VmIcon } from '../../components/Artwork.tsx';
import { isLive } from './commands.ts';
import { useLibrary } from './libraryStore.ts';
import { StateLabel } from './StateLabel.tsx';
import { useCommands } from './useCommands.ts';
import { VmMenu } from './VmMenu.tsx';

/** The machines; arrow keys choose, Enter or a double click starts or shows, Delete deletes. */
export function VmList() {
  const vms = useLibrary((store) => store.vms) ?? [];
  const selectedId = useLibrary((store) => store.selectedId);
  const select = useLibrary((store) => store.select);
  const run = useCommands();
  const list = useRef<HTMLUListElement>(null);
  const [menu, setMenu] = useState<{ id: string; at: { left: number; top: number } }>();
  const menuVm = vms.find(({ id }) => id === menu?.id);
  const index = vms.findIndex(({ id }) => id === selectedId);

  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [selectedId]);

  const open = (vm: VmSummary | undefined) => run(vm && isLive(vm) ? 'show' : 'start', vm);
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      Home: 0,
      End: vms.length - 1,
    };
    const step = steps[event.key];
    if (step !== undefined) select(vms[Math.min(Math.max(step, 0), vms.length - 1)]?.id);
    else if (event.key === 'Enter') open(vms[index]);
    else if (event.key === 'Delete') run('delete', vms[index]);
    else return;
    event.preventDefault();
  };

  return (
    <>
      <Box
        component="ul"
        ref={list}
        role="listbox"
        aria-label={t('list.machines')}
        tabIndex={0}
        aria-activedescendant={selectedId ? `vm-${selectedId}` : undefined}
        onKeyDown={onKeyDown}
        onContextMenu={(event) => {
          // The menu key: the list has the focus, so the machine is the selected one.
          const box = list.current
            ?.querySelector('[aria-selected="true"]')
            ?.getBoundingClientRect();
          if (!selectedId || !box) return;
          event.preventDefault();
          setMenu({ id: selectedId, at: { left: box.left + 48, top: box.top + 40 } });
        }}
        sx={{
          listStyle: 'none',
          m: 0,
          p: 1,
          flex: 1,
          overflowY: 'auto',
          outlineOffset: '-3px !important',
        }}
      >
        {vms.map((vm) => (
          <Box
            component="li"
            key={vm.id}
            id={`vm-${vm.id}`}
            data-vm-id={vm.id}
            role="option"
            aria-selected={vm.id === selectedId}
            onClick={() => select(vm.id)}
            onDoubleClick={() => open(vm)}
            onContextMenu={(event) => {
              event.preventDefault();
              event.stopPropagation();
              select(vm.id);
              setMenu({ id: vm.id, at: { left: event.clientX, top: event.clientY } });
            }}
            sx={{
              display: 'flex',
              alignItems: 'center',
              gap: 1.5,
              px: 1.25,
              py: 1,
              mb: 0.25,
              borderRadius: 1,
              position: 'relative',
              cursor: 'default',
              '&:hover': { bgcolor: 'action.hover' },
              '&[aria-selected="true"]': {
                bgcolor: 'color-mix(in srgb, var(--mui-palette-primary-main) 14%, transparent)',
                '&::before': {
                  content: '""',
                  position: 'absolute',
                  left: 0,
                  top: 10,
                  bottom: 10,
                  width: 3,
                  borderRadius: 2,
                  bgcolor: 'primary.main',
                },
              },
            }}
          >
            <VmIcon id={vm.id} dimmed={vm.unusable === true} />
            <Box sx={{ minWidth: 0 }}>
              <Typography noWrap sx={{ fontWeight: 650, fontSize: '0.9rem' }} title={vm.name}>
                {vm.name}
              </Typography>
              <StateLabel vm={vm} />
            </Box>
          </Box>
        ))}
      </Box>
      {/* Beside the list: its keys would otherwise reach the list too. */}
      {menu && menuVm && <VmMenu vm={menuVm} at={menu.at} onClose={() => setMenu(undefined)} />}
    </>
  );
}
