import type { HostService } from '../../shared/services/host.ts';
import type { LibraryEvents, LibraryService } from '../../shared/services/library.ts';
import type { SessionEvents, SessionService } from '../../shared/services/session.ts';

/** What the window talks to; the same whether the manager is Electron's main process or a server. */
export interface Services {
  readonly library: LibraryService;
  readonly session: SessionService;
  readonly host: HostService;
}

export interface ServiceEvents extends LibraryEvents, SessionEvents {}

export type ConnectionState =
  | { readonly kind: 'connecting' }
  /** `epoch` counts the times it was opened: what was subscribed before must be subscribed anew. */
  | { readonly kind: 'open'; readonly epoch: number }
  | { readonly kind: 'lost'; readonly retryAt: number }
  /** No retry can help: the reason and the way out, for people. */
  | { readonly kind: 'refused'; readonly message: string; readonly hint: string };

/** One manager, reached over whatever transport the page was loaded through. */
export interface Connection {
  readonly services: Services;
  /** Listens until the returned function is called; survives reconnects. */
  on<Name extends keyof ServiceEvents>(name: Name, listener: ServiceEvents[Name]): () => void;
  readonly state: ConnectionState;
  onState(listener: (state: ConnectionState) => void): () => void;
  /** Does not wait for the next attempt. */
  retryNow(): void;
}
