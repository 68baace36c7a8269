import TextField from '@mui/material/TextField';
import { t } from '../i18n/i18n.ts';

/** What is wrong with the name of a machine or a snapshot; undefined if nothing is. */
export function nameProblem(name: string): string | undefined {
  if (name.trim() === '') return t('problem.nameMissing');
  return name.trim().length > 100 ? t('problem.nameLong') : undefined;
}

/** The name a dialog asks for first; what is wrong with it is said where it stands. */
export function NameField(props: {
  readonly value: string;
  readonly problem: string | undefined;
  onChange(name: string): void;
}) {
  return (
    <TextField
      autoFocus
      margin="dense"
      label={t('general.name')}
      value={props.value}
      error={props.problem !== undefined}
      helperText={props.problem}
      onFocus={(event) => event.target.select()}
      onChange={(event) => props.onChange(event.target.value)}
      slotProps={{ htmlInput: { autoComplete: 'off' } }}
    />
  );
}
