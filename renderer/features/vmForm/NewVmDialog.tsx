import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useRef, useState, type FormEvent, type ReactNode } from 'react';
import { useDialogs } from '../../app/dialogStore.ts';
import { FailureAlert } from '../../components/FailureAlert.tsx';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { addMachine, useLibrary } from '../library/libraryStore.ts';
import { explain } from '../notices/noticeStore.ts';
import { BootFields } from './BootFields.tsx';
import { DisplayFields, GeneralFields, SystemFields } from './fields.tsx';
import { focusFirstProblem } from './focusFirstProblem.ts';
import { StorageFields } from './StorageFields.tsx';
import { NewDiskFields } from './NewDiskFields.tsx';
import { templates, type TemplateName } from './templates.ts';
import { useVmDraft } from './useVmDraft.ts';
import { newDraft, type VmDraft } from './vmDraft.ts';

/** `draft`: what is known of the machine already. */
export function NewVmDialog({
  draft = {},
  onClose,
}: {
  readonly draft?: Partial<VmDraft>;
  onClose(): void;
}) {
  const { library } = useConnection();
  const select = useLibrary((store) => store.select);
  const openDialog = useDialogs((store) => store.open);
  const form = useVmDraft({ ...newDraft, ...draft });
  const [failure, setFailure] = useState<ReturnType<typeof explain>>();
  const [template, setTemplate] = useState<TemplateName>('custom');
  const [busy, setBusy] = useState(false);
  const element = useRef<HTMLFormElement>(null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    form.showAllProblems();
    if (!form.checked.vm) return focusFirstProblem(element.current);
    setBusy(true);
    try {
      const created = await library.create(form.checked.vm, form.checked.newDisks);
      addMachine(created);
      select(created.id, 'details');
      onClose();
    } catch (error) {
      setFailure(explain(error));
      setBusy(false);
    }
  };

  return (
    <Dialog open onClose={onClose} fullWidth maxWidth="md" aria-labelledby="new-vm-title">
      <Box
        component="form"
        ref={element}
        noValidate
        onSubmit={(event) => void submit(event)}
        sx={{ display: 'flex', flexDirection: 'column', minHeight: 0 }}
      >
        <DialogTitle id="new-vm-title">{t('newVm.title')}</DialogTitle>
        <DialogContent dividers sx={{ display: 'flex', flexDirection: 'column', gap: 2.5 }}>
          {failure && <FailureAlert failure={failure} />}
          <Section title={t('settings.category.general')}>
            <GeneralFields {...form} autoFocus />
            <TextField
              select
              label={t('template.label')}
              helperText={t('template.help')}
              sx={{ mt: 2, maxWidth: 360 }}
              value={template}
              onChange={(event) => {
                const name = event.target.value as TemplateName;
                setTemplate(name);
                // What only another template has filled in goes with it.
                const { disks: _disks, name: _name, description: _text, ...plain } = newDraft;
                form.change({ ...plain, ...draft, ...templates[name] });
              }}
            >
              {Object.keys(templates).map((name) => (
                <MenuItem key={name} value={name}>
                  {t(`template.${name as TemplateName}`)}
                </MenuItem>
              ))}
            </TextField>
          </Section>
          <Section title={t('settings.category.storage')}>
            <StorageFields {...form} />
            <NewDiskFields {...form} />
          </Section>
          <Section title={t('settings.category.system')}>
            <SystemFields {...form} />
          </Section>
          <Section title={t('settings.category.display')}>
            <DisplayFields {...form} />
          </Section>
          <Section title={t('settings.category.boot')}>
            <BootFields {...form} />
          </Section>
        </DialogContent>
        <DialogActions>
          <Button sx={{ mr: 'auto' }} onClick={() => openDialog({ kind: 'gallery' })}>
            {t('gallery.fromWizard')}
          </Button>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" variant="contained" loading={busy}>
            {t('action.create')}
          </Button>
        </DialogActions>
      </Box>
    </Dialog>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <Box component="section" aria-label={title}>
      <Typography variant="h3" sx={{ mb: 1.5, color: 'text.secondary' }}>
        {title}
      </Typography>
      {children}
    </Box>
  );
}
