import '@fontsource-variable/inter';
import CssBaseline from '@mui/material/CssBaseline';
import { ThemeProvider } from '@mui/material/styles';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { followLibrary } from '../features/library/libraryStore.ts';
import { ConnectionContext } from '../transport/ConnectionContext.tsx';
import { connectToManager } from '../transport/connectToManager.ts';
import { App } from './App.tsx';
import { ErrorBoundary } from './ErrorBoundary.tsx';
import { theme } from './theme.ts';

const connection = connectToManager();
followLibrary(connection);
const queries = new QueryClient({ defaultOptions: { queries: { refetchOnWindowFocus: false } } });

createRoot(document.getElementById('root')!).render(
  <ErrorBoundary>
    <ThemeProvider theme={theme} defaultMode="system">
      <CssBaseline enableColorScheme />
      <QueryClientProvider client={queries}>
        <ConnectionContext value={connection}>
          <App />
        </ConnectionContext>
      </QueryClientProvider>
    </ThemeProvider>
  </ErrorBoundary>,
);
