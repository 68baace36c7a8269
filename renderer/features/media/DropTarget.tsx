import FileDownload from '@mui/icons-material/FileDownloadOutlined';
import Box from '@mui/material/Box';
import Typography from '@mui/material/Typography';
import { useEffect, useState } from 'react';
import { useDialogs } from '../../app/dialogStore.ts';
import { t } from '../../i18n/i18n.ts';
import { useLibrary } from '../library/libraryStore.ts';

const vmAt = (target: EventTarget | null): string | undefined =>
  target instanceof Element ? target.closest<HTMLElement>('[data-vm-id]')?.dataset.vmId : undefined;

/** Takes files that are dropped anywhere on the window, or onto a machine in the list. */
export function DropTarget() {
  const open = useDialogs((store) => store.open);
  const [over, setOver] = useState<{ readonly vmId: string | undefined }>();
  const name = useLibrary(({ vms }) => vms?.find(({ id }) => id === over?.vmId)?.name);

  useEffect(() => {
    const stop = new AbortController();
    const hasFiles = (event: DragEvent): boolean =>
      event.dataTransfer?.types.includes('Files') === true;
    const listen = (kind: 'dragover' | 'dragleave' | 'drop', act: (event: DragEvent) => void) =>
      window.addEventListener(
        kind,
        (event) => {
          if (!hasFiles(event)) return;
          // Otherwise the browser would open the file in place of the window.
          event.preventDefault();
          act(event);
        },
        { signal: stop.signal },
      );
    const possible = (): boolean =>
      useDialogs.getState().dialog === undefined &&
      useLibrary.getState().connection.kind === 'open';
    listen('dragover', (event) => {
      event.dataTransfer!.dropEffect = possible() ? 'copy' : 'none';
      if (!possible()) return;
      const vmId = vmAt(event.target);
      setOver((before) => (before !== undefined && before.vmId === vmId ? before : { vmId }));
    });
    listen('dragleave', (event) => {
      if (event.relatedTarget === null) setOver(undefined);
    });
    listen('drop', (event) => {
      setOver(undefined);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (!possible() || files.length === 0) return;
      open({ kind: 'dropped', files, vmId: vmAt(event.target) });
    });
    return () => stop.abort();
  }, [open]);

  if (!over) return null;
  return (
    <Box
      role="status"
      sx={{
        position: 'fixed',
        inset: 12,
        zIndex: 'tooltip',
        // The drop goes to what lies under it.
        pointerEvents: 'none',
        border: '3px dashed',
        borderColor: 'primary.main',
        borderRadius: 3,
        bgcolor: 'color-mix(in srgb, var(--mui-palette-background-paper) 82%, transparent)',
        display: 'flex',
        flexDirection: 'column',
        alignItems: 'center',
        justifyContent: 'center',
        gap: 1,
      }}
    >
      <FileDownload sx={{ fontSize: 48, color: 'primary.main' }} />
      <Typography variant="h1">
        {name === undefined ? t('drop.here') : t('drop.onMachine', { name })}
      </Typography>
      <Typography sx={{ color: 'text.secondary' }}>{t('drop.kinds')}</Typography>
    </Box>
  );
}
