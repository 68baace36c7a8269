import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import FormControlLabel from '@mui/material/FormControlLabel';
import Radio from '@mui/material/Radio';
import RadioGroup from '@mui/material/RadioGroup';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useState, type FormEvent } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import { FailureAlert } from '../../components/FailureAlert.tsx';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { explain } from '../notices/noticeStore.ts';

export function CloneDialog({ vm, onClose }: { readonly vm: VmSummary; onClose(): void }) {
  const { library } = useConnection();
  const [name, setName] = useState(t('clone.nameOf', { name: vm.name }));
  const [how, setHow] = useState<'full' | 'linked'>('full');
  const [failure, setFailure] = useState<ReturnType<typeof explain>>();
  const [busy, setBusy] = useState(false);
  const problem =
    name.trim() === ''
      ? t('problem.nameMissing')
      : name.trim().length > 100
        ? t('problem.nameLong')
        : undefined;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (problem) return;
    setBusy(true);
    try {
      await library.clone(vm.id, { name: name.trim(), how });
      onClose();
    } catch (error) {
      setFailure(explain(error));
      setBusy(false);
    }
  };
  return (
    <Dialog open onClose={onClose} fullWidth maxWidth="sm" aria-labelledby="clone-title">
      <form noValidate onSubmit={(event) => void submit(event)}>
        <DialogTitle id="clone-title">{t('clone.title', { name: vm.name })}</DialogTitle>
        <DialogContent dividers sx={{ display: 'grid', gap: 2 }}>
          {failure && <FailureAlert failure={failure} />}
          <TextField
            autoFocus
            label={t('general.name')}
            value={name}
            error={problem !== undefined}
            helperText={problem}
            onFocus={(event) => event.target.select()}
            onChange={(event) => setName(event.target.value)}
            slotProps={{ htmlInput: { autoComplete: 'off' } }}
          />
          <RadioGroup
            aria-label={t('clone.how')}
            value={how}
            onChange={(_, next) => setHow(next as typeof how)}
          >
            {(['full', 'linked'] as const).map((kind) => (
              <FormControlLabel
                key={kind}
                value={kind}
                control={<Radio />}
                sx={{ alignItems: 'flex-start', mb: 1 }}
                label={
                  <Box sx={{ pt: 1 }}>
                    {t(`clone.${kind}`)}
                    <Typography variant="caption" component="p" sx={{ color: 'text.secondary' }}>
                      {t(`clone.${kind}Text`)}
                    </Typography>
                  </Box>
                }
              />
            ))}
          </RadioGroup>
        </DialogContent>
        <DialogActions>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" variant="contained" loading={busy}>
            {t('command.clone')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
