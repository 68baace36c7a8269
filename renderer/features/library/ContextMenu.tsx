import Divider from '@mui/material/Divider';
import ListItemText from '@mui/material/ListItemText';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import type { ReactNode } from 'react';

/** A context menu of the list: the toolbar's commands, then what is of the row's own. */
export function ContextMenu(props: {
  readonly label: string;
  readonly at: { readonly left: number; readonly top: number };
  readonly commands: readonly ReactNode[];
  readonly own: readonly { readonly word: string; act(): void }[];
  onClose(): void;
}) {
  const { label, at, commands, own, onClose } = props;
  return (
    <Menu
      open
      onClose={onClose}
      anchorReference="anchorPosition"
      anchorPosition={at}
      slotProps={{ list: { 'aria-label': label } }}
    >
      {commands}
      <Divider />
      {own.map(({ word, act }) => (
        <MenuItem
          key={word}
          dense
          onClick={() => {
            onClose();
            act();
          }}
        >
          <ListItemText primary={word} />
        </MenuItem>
      ))}
    </Menu>
  );
}
