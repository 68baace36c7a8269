import Box from '@mui/material/Box';
import FormControlLabel from '@mui/material/FormControlLabel';
import Radio from '@mui/material/Radio';
import RadioGroup from '@mui/material/RadioGroup';
import Typography from '@mui/material/Typography';

export interface Choice<T extends string> {
  readonly value: T;
  readonly word: string;
  /** What it means, a line each. */
  readonly lines: readonly string[];
  readonly disabled?: boolean;
}

/** One of several ways, each with what it means. */
export function ChoiceList<T extends string>(props: {
  readonly label: string;
  readonly choices: readonly Choice<T>[];
  readonly value: T;
  /** The chosen one has the keyboard when the dialog opens. */
  readonly autoFocus?: boolean;
  onChange(value: T): void;
}) {
  return (
    <RadioGroup
      aria-label={props.label}
      value={props.value}
      onChange={(_, next) => props.onChange(next as T)}
      sx={{ gap: 1 }}
    >
      {props.choices.map(({ value, word, lines, disabled = false }) => (
        <FormControlLabel
          key={value}
          {...{ value, disabled }}
          control={<Radio autoFocus={props.autoFocus === true && value === props.value} />}
          sx={{ alignItems: 'flex-start' }}
          label={
            <Box sx={{ pt: 1 }}>
              {word}
              {lines.map((line) => (
                <Typography
                  key={line}
                  variant="caption"
                  component="p"
                  sx={{ color: 'text.secondary' }}
                >
                  {line}
                </Typography>
              ))}
            </Box>
          }
        />
      ))}
    </RadioGroup>
  );
}
