import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import { useState, type FormEvent } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import { FailureAlert } from '../../components/FailureAlert.tsx';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { explain } from '../notices/noticeStore.ts';

const formats = ['ova', 'ovf', 'guesthouse'] as const;
type Format = (typeof formats)[number];

/** Writes a machine that is off to a new file of the manager's machine. */
export function ExportDialog({ vm, onClose }: { readonly vm: VmSummary; onClose(): void }) {
  const { transfer } = useConnection();
  const [format, setFormat] = useState<Format>('ova');
  const [file, setFile] = useState('');
  const [failure, setFailure] = useState<ReturnType<typeof explain>>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (file.trim() === '') return setFailure({ message: t('transfer.fileMissing') });
    setBusy(true);
    try {
      const path = file.trim();
      await transfer.export(vm.id, path.endsWith(`.${format}`) ? path : `${path}.${format}`);
      onClose();
    } catch (reason) {
      setFailure(explain(reason));
      setBusy(false);
    }
  };
  return (
    <Dialog open onClose={onClose} fullWidth maxWidth="sm" aria-labelledby="export-title">
      <form noValidate onSubmit={(event) => void submit(event)}>
        <DialogTitle id="export-title">{t('transfer.exportTitle', { name: vm.name })}</DialogTitle>
        <DialogContent dividers sx={{ display: 'grid', gap: 2 }}>
          {failure && <FailureAlert failure={failure} />}
          <TextField
            select
            label={t('transfer.format')}
            value={format}
            onChange={(event) => setFormat(event.target.value as Format)}
          >
            {formats.map((each) => (
              <MenuItem key={each} value={each}>
                {t(`transfer.formats.${each}`)}
              </MenuItem>
            ))}
          </TextField>
          <TextField
            autoFocus
            label={t('transfer.newFile')}
            helperText={t('transfer.newFileHelp', { ending: `.${format}` })}
            value={file}
            onChange={(event) => setFile(event.target.value)}
            slotProps={{ htmlInput: { autoComplete: 'off', spellCheck: false } }}
          />
        </DialogContent>
        <DialogActions>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" variant="contained" loading={busy}>
            {t('transfer.export')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
