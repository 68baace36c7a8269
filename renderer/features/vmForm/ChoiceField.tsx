import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';

/** A small choice beside a drive. `name` tells it from those of other drives, to a screen reader. */
export function ChoiceField<T extends string>(props: {
  readonly label: string;
  readonly name: string;
  readonly value: T;
  readonly choices: readonly T[];
  readonly width: number;
  readonly disabled?: boolean;
  word(choice: T): string;
  onChange(value: T): void;
}) {
  const { label, name, value, choices, width, disabled = false, word, onChange } = props;
  return (
    <TextField
      select
      {...{ label, value, disabled }}
      sx={{ width, flexShrink: 0 }}
      onChange={(event) => onChange(event.target.value as T)}
      slotProps={{
        select: {
          // The label alone, which would win, names no drive. What is chosen belongs to the name, as it does by default.
          SelectDisplayProps: {
            'aria-label': `${name}: ${word(value)}`,
            'aria-labelledby': undefined,
          },
        },
      }}
    >
      {choices.map((choice) => (
        <MenuItem key={choice} value={choice}>
          {word(choice)}
        </MenuItem>
      ))}
    </TextField>
  );
}
