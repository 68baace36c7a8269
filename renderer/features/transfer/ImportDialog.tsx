import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent } from 'react';
import { FailureAlert } from '../../components/FailureAlert.tsx';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { formatSize } from '../files/formatSize.ts';
import { explain } from '../notices/noticeStore.ts';
import { PathField } from '../vmForm/PathField.tsx';

/** Makes a machine of an appliance, a .vbox file or a bundle; what would be made is shown first. */
export function ImportDialog({ path = '', onClose }: { readonly path?: string; onClose(): void }) {
  const { transfer } = useConnection();
  const [file, setFile] = useState(path);
  const [typed, setTyped] = useState<string>();
  const [failure, setFailure] = useState<ReturnType<typeof explain>>();
  const [busy, setBusy] = useState(false);
  const { data: preview, error } = useQuery({
    queryKey: ['import', file.trim()],
    queryFn: () => transfer.preview(file.trim()),
    enabled: /^([/\\]|[A-Za-z]:).*\.\w+$/.test(file.trim()),
    retry: false,
    gcTime: 0,
  });
  const name = typed ?? preview?.name ?? '';
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!preview || name.trim() === '') return;
    setBusy(true);
    try {
      await transfer.import(file.trim(), { name: name.trim() });
      onClose();
    } catch (reason) {
      setFailure(explain(reason));
      setBusy(false);
    }
  };
  return (
    <Dialog open onClose={onClose} fullWidth maxWidth="sm" aria-labelledby="import-title">
      <form noValidate onSubmit={(event) => void submit(event)}>
        <DialogTitle id="import-title">{t('transfer.importTitle')}</DialogTitle>
        <DialogContent dividers sx={{ display: 'grid', gap: 2 }}>
          {failure && <FailureAlert failure={failure} />}
          <PathField
            autoFocus
            label={t('transfer.file')}
            help={t('transfer.fileHelp')}
            problem={error ? explain(error).message : undefined}
            value={file}
            onChange={(next) => {
              setFile(next);
              setTyped(undefined);
            }}
          />
          {preview && (
            <>
              <TextField
                label={t('general.name')}
                value={name}
                error={name.trim() === ''}
                helperText={name.trim() === '' ? t('problem.nameMissing') : undefined}
                onChange={(event) => setTyped(event.target.value)}
                slotProps={{ htmlInput: { autoComplete: 'off', maxLength: 100 } }}
              />
              <Typography>
                {t('transfer.facts', {
                  memory: preview.memoryMiB,
                  cpus: preview.cpus,
                  disks: preview.disks,
                })}
                {preview.size !== undefined && ` (${formatSize(preview.size)})`}
              </Typography>
              {preview.screenshot && <Screenshot png={preview.screenshot} />}
              {preview.notes.length > 0 && (
                <section aria-label={t('transfer.notes')}>
                  <Typography variant="h3">{t('transfer.notes')}</Typography>
                  <ul>
                    {preview.notes.map((note) => (
                      <li key={note}>{note}</li>
                    ))}
                  </ul>
                </section>
              )}
            </>
          )}
        </DialogContent>
        <DialogActions>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" variant="contained" loading={busy} disabled={!preview}>
            {t('transfer.import')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

function Screenshot({ png }: { readonly png: Uint8Array }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([new Uint8Array(png)], { type: 'image/png' }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [png]);
  return <img src={url} alt={t('transfer.screen')} style={{ maxWidth: '100%', maxHeight: 240 }} />;
}
