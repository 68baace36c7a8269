import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Checkbox from '@mui/material/Checkbox';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogContentText from '@mui/material/DialogContentText';
import DialogTitle from '@mui/material/DialogTitle';
import FormControlLabel from '@mui/material/FormControlLabel';
import Typography from '@mui/material/Typography';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import { monospace } from '../../app/theme.ts';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { formatSize } from '../files/formatSize.ts';
import { report } from '../notices/noticeStore.ts';

/** Asks before machines are deleted, and whether their disk images go with them; the safe answers are chosen. */
export function DeleteDialog({
  vms,
  onClose,
}: {
  readonly vms: readonly VmSummary[];
  onClose(): void;
}) {
  const { library } = useConnection();
  const [withFiles, setWithFiles] = useState(false);
  const { data: files = [] } = useQuery({
    queryKey: ['deletion', ...vms.map(({ id }) => id)],
    queryFn: async () => (await Promise.all(vms.map(({ id }) => library.deletionFiles(id)))).flat(),
    retry: false,
    gcTime: 0,
  });
  const remove = () => {
    onClose();
    for (const { id, name } of vms)
      library
        .delete(id, withFiles ? 'delete' : 'keep')
        .catch((error: unknown) => report(t('failed.delete', { name }), error));
  };
  const title =
    vms.length === 1
      ? t('ask.delete', { name: vms[0]!.name })
      : t('many.delete', { count: vms.length });
  return (
    <Dialog
      open
      onClose={onClose}
      role="alertdialog"
      aria-labelledby="delete-title"
      aria-describedby="delete-text"
    >
      <DialogTitle id="delete-title">{title}</DialogTitle>
      <DialogContent sx={{ minWidth: { sm: 460 } }}>
        <DialogContentText id="delete-text" sx={{ maxWidth: 520 }}>
          {t('ask.deleteText')}
        </DialogContentText>
        {vms.length > 1 && (
          <Box component="ul" sx={{ maxHeight: 160, overflowY: 'auto' }}>
            {vms.map(({ id, name }) => (
              <li key={id}>{name}</li>
            ))}
          </Box>
        )}
        {files.length > 0 && (
          <>
            <FormControlLabel
              sx={{ mt: 1 }}
              control={
                <Checkbox
                  checked={withFiles}
                  onChange={(event) => setWithFiles(event.target.checked)}
                />
              }
              label={t('delete.files', { count: files.length })}
            />
            <Box component="ul" sx={{ my: 0, maxHeight: 160, overflowY: 'auto', pl: 3 }}>
              {files.map(({ path, size, neededBy }) => (
                <Typography
                  component="li"
                  key={path}
                  sx={{ fontSize: '0.82rem', overflowWrap: 'anywhere' }}
                >
                  <span style={{ fontFamily: monospace }}>{path}</span> ({formatSize(size)})
                  {neededBy !== undefined && ` – ${t('delete.neededBy', { name: neededBy })}`}
                </Typography>
              ))}
            </Box>
          </>
        )}
      </DialogContent>
      <DialogActions>
        <Button autoFocus onClick={onClose}>
          {t('action.cancel')}
        </Button>
        <Button color="error" variant="contained" onClick={remove}>
          {t('command.delete')}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
