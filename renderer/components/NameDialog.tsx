import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import { useState, type FormEvent } from 'react';
import { explainInOne } from '../features/notices/noticeStore.ts';
import { t } from '../i18n/i18n.ts';
import { NameField } from './NameField.tsx';

/** Asks for a name; what is wrong with it is said where it stands. */
export function NameDialog(props: {
  readonly title: string;
  readonly name: string;
  /** Rejects with the reason why the name cannot be used. */
  act(name: string): Promise<void>;
  onClose(): void;
}) {
  const [name, setName] = useState(props.name);
  const [problem, setProblem] = useState<string>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === '') return setProblem(t('problem.nameEmpty'));
    if (name.trim().length > 100) return setProblem(t('problem.nameLong'));
    try {
      await props.act(name.trim());
      props.onClose();
    } catch (error) {
      setProblem(explainInOne(error));
    }
  };
  return (
    <Dialog open onClose={props.onClose} fullWidth maxWidth="xs" aria-labelledby="name-title">
      <form noValidate onSubmit={(event) => void submit(event)}>
        <DialogTitle id="name-title">{props.title}</DialogTitle>
        <DialogContent>
          <NameField
            value={name}
            problem={problem}
            onChange={(next) => {
              setName(next);
              setProblem(undefined);
            }}
          />
        </DialogContent>
        <DialogActions>
          <Button onClick={props.onClose}>{t('action.cancel')}</Button>
          <Button type="submit" variant="contained">
            {t('action.ok')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
