import { createContext, useContext } from 'react';
import type { Connection } from './connection.ts';

export const ConnectionContext = createContext<Connection | undefined>(undefined);

/** The manager of this window. */
export function useConnection(): Connection {
  const connection = useContext(ConnectionContext);
  if (!connection) throw new Error('useConnection outside of ConnectionContext');
  return connection;
}
