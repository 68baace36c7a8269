import { t } from '../i18n/i18n.ts';
import type { Channel } from '../../shared/rpc/channel.ts';
import { EventHub } from '../../shared/rpc/eventHub.ts';
import {
  forwardEvents,
  serviceContract,
  type ServiceMap,
  type Services,
} from '../../shared/rpc/serviceContract.ts';
import { connectServices, type RemoteServices } from '../../shared/rpc/services.ts';
import { UserError } from '../../shared/services/errors.ts';

export type ConnectionState =
  | { readonly kind: 'connecting' }
  /** `epoch` counts the times it was opened: what was subscribed before must be subscribed anew. */
  | { readonly kind: 'open'; readonly epoch: number }
  | { readonly kind: 'lost'; readonly retryAt: number }
  /** No retry can help: the reason and the way out, for people. */
  | { readonly kind: 'refused'; readonly message: string; readonly hint: string };

/**
 * One manager, whether Electron's main process or a server. Its services and events outlive the
 * transport: while that is lost calls are rejected, and after it is back the same objects work.
 */
export interface Connection extends Services {
  readonly state: ConnectionState;
  onState(listener: (state: ConnectionState) => void): () => void;
  /** Does not wait for the next attempt. */
  retryNow(): void;
}

/** Thrown by an opener when trying again cannot help. */
export class RefusedError extends Error {
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** Milliseconds before each further attempt; the last is used from then on. */
const retryDelays = [500, 1000, 2000, 5000];

export function createConnection(open: () => Promise<Channel>): Connection {
  const events = new EventHub();
  const listeners = new Set<(state: ConnectionState) => void>();
  let state: ConnectionState = { kind: 'connecting' };
  let current: RemoteServices | undefined;
  let epoch = 0;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const change = (next: ConnectionState) => {
    state = next;
    for (const listener of [...listeners]) listener(next);
  };

  const retryLater = () => {
    const delay = retryDelays[Math.min(failures++, retryDelays.length - 1)]!;
    change({ kind: 'lost', retryAt: Date.now() + delay });
    timer = setTimeout(attempt, delay);
  };

  async function attempt(): Promise<void> {
    clearTimeout(timer);
    change({ kind: 'connecting' });
    let remote: RemoteServices;
    try {
      remote = connectServices(await open());
    } catch (error) {
      if (!(error instanceof RefusedError)) return retryLater();
      return change({ kind: 'refused', message: error.message, hint: error.hint });
    }
    current = remote;
    failures = 0;
    forwardEvents(remote.events, events);
    change({ kind: 'open', epoch: ++epoch });
    await remote.closed;
    current = undefined;
    retryLater();
  }
  void attempt();

  const service = <Name extends keyof ServiceMap>(name: Name): Services[Name] =>
    new Proxy({} as Services[Name], {
      get: (_target, method) => {
        if (typeof method !== 'string' || method === 'then') return undefined;
        return (...args: unknown[]): Promise<unknown> => {
          if (!current) return Promise.reject(disconnected());
          const methods = current[name] as unknown as Record<
            string,
            (...args: unknown[]) => Promise<unknown>
          >;
          return methods[method]!(...args);
        };
      },
    });

  return {
    ...(Object.fromEntries(
      (Object.keys(serviceContract) as (keyof ServiceMap)[]).map((name) => [name, service(name)]),
    ) as unknown as ServiceMap),
    events,
    get state() {
      return state;
    },
    onState: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    retryNow: () => {
      if (state.kind === 'lost') void attempt();
    },
  };
}

function disconnected(): UserError {
  return new UserError({
    code: 'disconnected',
    message: t('connection.noneText'),
    hint: t('connection.noneHint'),
  });
}
