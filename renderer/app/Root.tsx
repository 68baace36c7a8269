import CssBaseline from '@mui/material/CssBaseline';
import { ThemeProvider } from '@mui/material/styles';
import { useEffect, useSyncExternalStore } from 'react';
import { currentLanguage, onLanguage } from '../i18n/i18n.ts';
import { App } from './App.tsx';
import { theme } from './theme.ts';

/** The window in the language of now; another language draws all of it anew. */
export function Root() {
  const language = useSyncExternalStore(onLanguage, currentLanguage);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  return (
    <ThemeProvider theme={theme} defaultMode="system">
      <CssBaseline enableColorScheme />
      <App key={language} />
    </ThemeProvider>
  );
}
