import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import { useState, type FormEvent } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import { ChoiceList } from '../../components/ChoiceList.tsx';
import { FailureAlert } from '../../components/FailureAlert.tsx';
import { NameField, nameProblem } from '../../components/NameField.tsx';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { explain } from '../notices/noticeStore.ts';

export function CloneDialog({ vm, onClose }: { readonly vm: VmSummary; onClose(): void }) {
  const { library } = useConnection();
  const [name, setName] = useState(t('clone.nameOf', { name: vm.name }));
  const [how, setHow] = useState<'full' | 'linked'>('full');
  const [failure, setFailure] = useState<ReturnType<typeof explain>>();
  const [busy, setBusy] = useState(false);
  const problem = nameProblem(name);
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
          <NameField value={name} problem={problem} onChange={setName} />
          <ChoiceList<'full' | 'linked'>
            label={t('clone.how')}
            value={how}
            onChange={setHow}
            choices={(['full', 'linked'] as const).map((kind) => ({
              value: kind,
              word: t(`clone.${kind}`),
              lines: [t(`clone.${kind}Text`)],
            }))}
          />
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
