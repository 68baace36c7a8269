import DarkMode from '@mui/icons-material/DarkModeOutlined';
import LightMode from '@mui/icons-material/LightModeOutlined';
import SystemMode from '@mui/icons-material/SettingsBrightnessOutlined';
import IconButton from '@mui/material/IconButton';
import ListItemIcon from '@mui/material/ListItemIcon';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import Tooltip from '@mui/material/Tooltip';
import { useColorScheme } from '@mui/material/styles';
import { useState } from 'react';

const modes = [
  { mode: 'system', word: 'Like the system', Icon: SystemMode },
  { mode: 'light', word: 'Light', Icon: LightMode },
  { mode: 'dark', word: 'Dark', Icon: DarkMode },
] as const;

export function ThemeMenu() {
  const { mode = 'system', setMode } = useColorScheme();
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const { Icon } = modes.find((one) => one.mode === mode) ?? modes[0];
  return (
    <>
      <Tooltip title="Appearance" describeChild={false}>
        <IconButton
          aria-haspopup="menu"
          aria-expanded={anchor !== null}
          onClick={(event) => setAnchor(event.currentTarget)}
        >
          <Icon />
        </IconButton>
      </Tooltip>
      <Menu anchorEl={anchor} open={anchor !== null} onClose={() => setAnchor(null)}>
        {modes.map(({ mode: each, word, Icon: EachIcon }) => (
          <MenuItem
            key={each}
            role="menuitemradio"
            aria-checked={each === mode}
            selected={each === mode}
            onClick={() => {
              setMode(each);
              setAnchor(null);
            }}
          >
            <ListItemIcon>
              <EachIcon fontSize="small" />
            </ListItemIcon>
            {word}
          </MenuItem>
        ))}
      </Menu>
    </>
  );
}
