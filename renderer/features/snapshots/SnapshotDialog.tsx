import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import TextField from '@mui/material/TextField';
import { useState, type FormEvent } from 'react';
import { NameField, nameProblem } from '../../components/NameField.tsx';
import { t } from '../../i18n/i18n.ts';

/** Name and description of a snapshot, new or old. */
export function SnapshotDialog(props: {
  readonly title: string;
  /** The word on the button that does it. */
  readonly action: string;
  readonly name: string;
  readonly description: string;
  act(text: { readonly name: string; readonly description: string }): void;
  onClose(): void;
}) {
  const [name, setName] = useState(props.name);
  const [description, setDescription] = useState(props.description);
  const problem = nameProblem(name);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (problem) return;
    props.onClose();
    props.act({ name: name.trim(), description });
  };
  return (
    <Dialog open onClose={props.onClose} fullWidth maxWidth="xs" aria-labelledby="snapshot-title">
      <form noValidate onSubmit={submit}>
        <DialogTitle id="snapshot-title">{props.title}</DialogTitle>
        <DialogContent sx={{ display: 'grid', gap: 2 }}>
          <NameField value={name} problem={problem} onChange={setName} />
          <TextField
            multiline
            minRows={3}
            maxRows={8}
            label={t('snapshots.description')}
            value={description}
            onChange={(event) => setDescription(event.target.value)}
            slotProps={{ htmlInput: { maxLength: 10_000 } }}
          />
        </DialogContent>
        <DialogActions>
          <Button onClick={props.onClose}>{t('action.cancel')}</Button>
          <Button type="submit" variant="contained">
            {props.action}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
