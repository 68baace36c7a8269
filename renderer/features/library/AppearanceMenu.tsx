import DarkMode from '@mui/icons-material/DarkModeOutlined';
import LightMode from '@mui/icons-material/LightModeOutlined';
import SystemMode from '@mui/icons-material/SettingsBrightnessOutlined';
import Translate from '@mui/icons-material/Translate';
import Divider from '@mui/material/Divider';
import IconButton from '@mui/material/IconButton';
import ListItemIcon from '@mui/material/ListItemIcon';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import Tooltip from '@mui/material/Tooltip';
import { useColorScheme } from '@mui/material/styles';
import { useState } from 'react';
import type { PreferenceChanges } from '../../../shared/vm/preferences.ts';
import { chooseLanguage, chosenLanguage, languageNames, languages, t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { report } from '../notices/noticeStore.ts';

const modes = [
  { mode: 'system', Icon: SystemMode },
  { mode: 'light', Icon: LightMode },
  { mode: 'dark', Icon: DarkMode },
] as const;

/** Light or dark, and the language. */
export function AppearanceMenu() {
  const { mode = 'system', setMode } = useColorScheme();
  const { preferences } = useConnection();
  const keep = (changes: PreferenceChanges) =>
    void preferences
      .change(changes)
      .catch((error: unknown) => report(t('preferences.failed'), error));
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const { Icon } = modes.find((one) => one.mode === mode) ?? modes[0];
  return (
    <>
      <Tooltip title={t('theme.title')} describeChild={false}>
        <IconButton
          aria-haspopup="menu"
          aria-expanded={anchor !== null}
          onClick={(event) => setAnchor(event.currentTarget)}
        >
          <Icon />
        </IconButton>
      </Tooltip>
      <Menu
        anchorEl={anchor}
        open={anchor !== null}
        onClose={() => setAnchor(null)}
        slotProps={{ list: { 'aria-label': t('theme.title') } }}
      >
        {modes.map(({ mode: each, Icon: EachIcon }) => (
          <MenuItem
            key={each}
            role="menuitemradio"
            aria-checked={each === mode}
            selected={each === mode}
            onClick={() => {
              setMode(each);
              keep({ theme: each === 'system' ? null : each });
              setAnchor(null);
            }}
          >
            <ListItemIcon>
              <EachIcon fontSize="small" />
            </ListItemIcon>
            {t(`theme.${each}`)}
          </MenuItem>
        ))}
        <Divider />
        {[undefined, ...languages].map((language) => (
          <MenuItem
            key={language ?? 'system'}
            role="menuitemradio"
            aria-checked={language === chosenLanguage()}
            selected={language === chosenLanguage()}
            lang={language}
            onClick={() => {
              setAnchor(null);
              chooseLanguage(language);
              keep({ language: language ?? null });
            }}
          >
            <ListItemIcon>
              <Translate fontSize="small" />
            </ListItemIcon>
            {language === undefined ? t('theme.systemLanguage') : languageNames[language]}
          </MenuItem>
        ))}
      </Menu>
    </>
  );
}
