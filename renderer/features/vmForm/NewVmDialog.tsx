import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import { useRef, useState, type FormEvent } from 'react';
import { useDialogs } from '../../app/dialogStore.ts';
import { FailureAlert } from '../../components/FailureAlert.tsx';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { addMachine, useLibrary } from '../library/libraryStore.ts';
import { explain } from '../notices/noticeStore.ts';
import { ExpertFields } from './ExpertFields.tsx';
import { focusFirstProblem } from './focusFirstProblem.ts';
import { GuidedFields, guidedSteps, stepIsDone, type GuidedStep } from './GuidedFields.tsx';
import { useVmDraft } from './useVmDraft.ts';
import { defaultDisk, newDraft, type VmDraft } from './vmDraft.ts';

/** The page for the next machine is the one that was used last, as VirtualBox has it. */
const modeKey = 'guesthouse.newMachine';
const rememberedMode = (): 'guided' | 'expert' =>
  globalThis.localStorage?.getItem(modeKey) === 'expert' ? 'expert' : 'guided';

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
  const [mode, setMode] = useState(rememberedMode);
  const hasDisk = (draft.disks ?? []).length > 0 || draft.kernel !== undefined;
  const form = useVmDraft({
    ...newDraft,
    ...(mode === 'guided' && !hasDisk && { newDisks: [defaultDisk] }),
    ...draft,
  });
  const [failure, setFailure] = useState<ReturnType<typeof explain>>();
  const [busy, setBusy] = useState(false);
  const [step, setStep] = useState<GuidedStep>('medium');
  const element = useRef<HTMLFormElement>(null);

  const guided = mode === 'guided';
  const position = guidedSteps.indexOf(step);
  const onLastStep = step === 'summary';
  const changeMode = () => {
    const next = guided ? 'expert' : 'guided';
    setMode(next);
    globalThis.localStorage?.setItem(modeKey, next);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (guided && !onLastStep) {
      const { problems } = form.checked;
      if (stepIsDone(step, problems, form.draft)) return setStep(guidedSteps[position + 1]!);
      form.touch(Object.keys(problems));
      return focusFirstProblem(element.current);
    }
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
          {guided ? (
            <GuidedFields {...form} step={step} />
          ) : (
            <ExpertFields {...form} known={draft} />
          )}
        </DialogContent>
        <DialogActions>
          <Button sx={{ mr: 'auto' }} onClick={() => openDialog({ kind: 'gallery' })}>
            {t('gallery.fromWizard')}
          </Button>
          <Button onClick={changeMode}>{t(guided ? 'guide.toExpert' : 'guide.toGuided')}</Button>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          {guided && (
            <Button disabled={position === 0} onClick={() => setStep(guidedSteps[position - 1]!)}>
              {t('guide.back')}
            </Button>
          )}
          <Button type="submit" variant="contained" loading={busy}>
            {t(guided && !onLastStep ? 'guide.next' : 'action.create')}
          </Button>
        </DialogActions>
      </Box>
    </Dialog>
  );
}
