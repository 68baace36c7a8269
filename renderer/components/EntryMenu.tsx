import Check from '@mui/icons-material/Check';
import Divider from '@mui/material/Divider';
import ListItemIcon from '@mui/material/ListItemIcon';
import ListItemText from '@mui/material/ListItemText';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import Typography from '@mui/material/Typography';
import type { KeyboardEvent } from 'react';

export interface MenuEntry {
  readonly word: string;
  /** Its key, as it is written. */
  readonly key?: string;
  /** Why it is not possible now. */
  readonly why?: string | undefined;
  /** Of an entry that is on or off. */
  readonly checked?: boolean;
  act(): void;
}
export type MenuEntries = readonly (MenuEntry | 'divider' | false)[];

/** A menu of entries that say their keys, and why they are not possible. */
export function EntryMenu(props: {
  readonly label: string;
  readonly entries: MenuEntries;
  readonly anchor: HTMLElement | null;
  onClose(): void;
  onKeyDown?(event: KeyboardEvent): void;
}) {
  const { label, entries, anchor, onClose, onKeyDown } = props;
  const checkable = entries.some(
    (entry) => typeof entry === 'object' && entry.checked !== undefined,
  );
  return (
    <Menu
      anchorEl={anchor}
      open={anchor !== null}
      onClose={onClose}
      slotProps={{ list: { 'aria-label': label, dense: true, onKeyDown } }}
    >
      {entries.map((entry, index) => {
        if (entry === false) return null;
        if (entry === 'divider') return <Divider key={index} />;
        const { word, key, why, checked, act } = entry;
        return (
          <MenuItem
            key={index}
            dense
            {...(checked === undefined
              ? {}
              : { role: 'menuitemcheckbox', 'aria-checked': checked })}
            aria-disabled={why !== undefined}
            sx={why === undefined ? undefined : { opacity: 0.6, cursor: 'default' }}
            onClick={() => {
              if (why !== undefined) return;
              onClose();
              act();
            }}
          >
            {checkable && (
              <ListItemIcon sx={{ minWidth: 28 }}>
                {checked && <Check fontSize="small" />}
              </ListItemIcon>
            )}
            <ListItemText primary={word} secondary={why} />
            {key !== undefined && (
              <Typography variant="caption" sx={{ color: 'text.secondary', pl: 3 }}>
                {key}
              </Typography>
            )}
          </MenuItem>
        );
      })}
    </Menu>
  );
}
