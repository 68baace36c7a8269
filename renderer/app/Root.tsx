import CssBaseline from '@mui/material/CssBaseline';
import { ThemeProvider, useColorScheme } from '@mui/material/styles';
import { useEffect, useSyncExternalStore } from 'react';
import { usePreferences } from '../features/preferences/preferenceStore.ts';
import { currentLanguage, onLanguage } from '../i18n/i18n.ts';
import { ownVmId } from '../features/vmWindow/ownWindow.ts';
import { VmWindow } from '../features/vmWindow/VmWindow.tsx';
import { App } from './App.tsx';
import { theme } from './theme.ts';

/** The theme that the library's preferences name. */
function ThemePreference() {
  const preferences = usePreferences((store) => store.preferences);
  const { setMode } = useColorScheme();
  useEffect(() => {
    if (preferences) setMode(preferences.theme ?? 'system');
  }, [preferences, setMode]);
  return null;
}

/** The window in the language of now; another language draws all of it anew. */
export function Root() {
  const language = useSyncExternalStore(onLanguage, currentLanguage);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const vmId = ownVmId();
  return (
    <ThemeProvider theme={theme} defaultMode="system">
      <CssBaseline enableColorScheme />
      <ThemePreference />
      {vmId === undefined ? <App key={language} /> : <VmWindow key={language} id={vmId} />}
    </ThemeProvider>
  );
}
