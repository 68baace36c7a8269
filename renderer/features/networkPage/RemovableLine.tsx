import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import { monospace } from '../../app/theme.ts';

/** One of a list in an editor, as the command line writes it, with a button that takes it out. */
export function RemovableLine(props: {
  readonly words: string;
  /** Name of the button. */
  readonly remove: string;
  onRemove(): void;
}) {
  return (
    <Box sx={{ display: 'flex', alignItems: 'center', gap: 1 }}>
      <span style={{ fontFamily: monospace, fontSize: '0.85rem' }}>{props.words}</span>
      <IconButton size="small" aria-label={props.remove} onClick={props.onRemove}>
        <DeleteOutlined fontSize="small" />
      </IconButton>
    </Box>
  );
}
