import '@fontsource-variable/inter';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { followLibrary } from '../features/library/libraryStore.ts';
import { followPreferences } from '../features/preferences/preferenceStore.ts';
import { followTasks } from '../features/tasks/taskStore.ts';
import { ConnectionContext } from '../transport/ConnectionContext.tsx';
import { connectToManager } from '../transport/connectToManager.ts';
import { ErrorBoundary } from './ErrorBoundary.tsx';
import { Root } from './Root.tsx';

const connection = connectToManager();
followLibrary(connection);
followTasks(connection);
followPreferences(connection);
// The manager is on this machine or reached already: whether there is an internet is no matter.
const queries = new QueryClient({
  defaultOptions: { queries: { refetchOnWindowFocus: false, networkMode: 'always' } },
});

createRoot(document.getElementById('root')!).render(
  <ErrorBoundary>
    <QueryClientProvider client={queries}>
      <ConnectionContext value={connection}>
        <Root />
      </ConnectionContext>
    </QueryClientProvider>
  </ErrorBoundary>,
);
