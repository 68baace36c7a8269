import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Checkbox from '@mui/material/Checkbox';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogContentText from '@mui/material/DialogContentText';
import DialogTitle from '@mui/material/DialogTitle';
import FormControlLabel from '@mui/material/FormControlLabel';
import { useState } from 'react';
import { t } from '../i18n/i18n.ts';

export interface Question {
  readonly title: string;
  readonly text: string;
  /** What it is about, if it is several. */
  readonly names?: readonly string[];
  /** The word on the button that does it. */
  readonly action: string;
  /** What can be chosen besides. */
  readonly option?: { readonly label: string; readonly chosen: boolean };
  /** @param chosen what became of the option */
  act(chosen: boolean): void;
}

/** Asks before something is done that cannot be undone; the safe answer has the focus. */
export function ConfirmDialog({
  question,
  onClose,
}: {
  readonly question: Question;
  onClose(): void;
}) {
  const [chosen, setChosen] = useState(question.option?.chosen ?? false);
  return (
    <Dialog
      open
      onClose={onClose}
      role="alertdialog"
      aria-labelledby="confirm-title"
      aria-describedby="confirm-text"
    >
      <DialogTitle id="confirm-title">{question.title}</DialogTitle>
      <DialogContent>
        <DialogContentText id="confirm-text" sx={{ maxWidth: 460, overflowWrap: 'anywhere' }}>
          {question.text}
        </DialogContentText>
        {question.names && question.names.length > 0 && (
          <Box component="ul" sx={{ mb: 0, maxHeight: 200, overflowY: 'auto' }}>
            {question.names.map((name) => (
              <li key={name}>{name}</li>
            ))}
          </Box>
        )}
        {question.option && (
          <FormControlLabel
            sx={{ mt: 1.5 }}
            label={question.option.label}
            control={
              <Checkbox checked={chosen} onChange={(event) => setChosen(event.target.checked)} />
            }
          />
        )}
      </DialogContent>
      <DialogActions>
        <Button autoFocus onClick={onClose}>
          {t('action.cancel')}
        </Button>
        <Button
          color="error"
          variant="contained"
          onClick={() => {
            onClose();
            question.act(chosen);
          }}
        >
          {question.action}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
