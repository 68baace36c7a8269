/** The service interfaces over a Channel, both ends. No method is written out by hand. */
import type { z } from 'zod';
import { UserError } from '../services/errors.ts';
import type { Channel } from './channel.ts';
import { EventHub } from './eventHub.ts';
import { connectRemote, type Remote } from './remote.ts';
import {
  eventContract,
  forwardEvents,
  serviceContract,
  type ServiceEvents,
  type ServiceMap,
  type Services,
} from './serviceContract.ts';

export interface RemoteServices extends Services {
  /** Resolves with the reason, for people, when the line is lost or closed. */
  readonly closed: Promise<string>;
  close(): void;
}

/** The calling end: proxies that look like the services themselves. */
export function connectServices(channel: Channel): RemoteServices {
  const events = new EventHub();
  const handlers = new Map<string, (...args: unknown[]) => void>();
  for (const name of Object.keys(eventContract) as (keyof ServiceEvents)[]) {
    handlers.set(`event.${name}`, (...args) => {
      const parsed = (eventContract[name] as z.ZodType<unknown[]>).safeParse(args);
      if (parsed.success)
        events.emit(name, ...(parsed.data as Parameters<ServiceEvents[typeof name]>));
    });
  }
  const remote = connectRemote(
    channel,
    handlers as ReadonlyMap<string, (...args: never[]) => unknown>,
  );
  return {
    ...(Object.fromEntries(
      (Object.keys(serviceContract) as (keyof ServiceMap)[]).map((service) => [
        service,
        serviceProxy(remote, service),
      ]),
    ) as unknown as ServiceMap),
    events,
    closed: new Promise((resolve) => channel.onClose(resolve)),
    close: () => channel.close(),
  };
}

function serviceProxy<S extends keyof ServiceMap>(remote: Remote, service: S): ServiceMap[S] {
  const methods = Object.keys(serviceContract[service]).map(
    (method) =>
      [method, (...args: unknown[]) => remote.call(`${service}.${method}`, args)] as const,
  );
  return Object.fromEntries(methods) as unknown as ServiceMap[S];
}

/**
 * The answering end, one per connection: checks arguments, forwards events, and forwards serial
 * output only of ports that this connection has attached. Ends with the channel.
 */
export function serveServices(channel: Channel, services: Services): void {
  const attached = new SerialAttachments(services);
  const functions = new Map<string, (...args: never[]) => unknown>();
  for (const service of Object.keys(serviceContract) as (keyof ServiceMap)[]) {
    for (const method of Object.keys(serviceContract[service])) {
      const schema = (serviceContract[service] as Record<string, z.ZodType<unknown[]>>)[method];
      if (!schema) continue;
      const target = services[service] as unknown as Record<
        string,
        (...args: unknown[]) => unknown
      >;
      functions.set(`${service}.${method}`, async (...args: unknown[]) => {
        const checked = checkArguments(`${service}.${method}`, schema, args);
        if (service === 'session' && method === 'attachSerial') return attached.attach(checked);
        if (service === 'session' && method === 'detachSerial') return attached.detach(checked);
        return target[method]?.(...checked);
      });
    }
  }
  const remote = connectRemote(channel, functions);
  const subscriptions = [
    forwardEvents(services.events, {
      emit: (name, ...args) => {
        if (name === 'serialOutput' && !attached.has(args[0] as string, args[1] as number)) return;
        remote.notify(`event.${name}`, args);
      },
    }),
  ];
  channel.onClose(() => {
    for (const unsubscribe of subscriptions) unsubscribe();
    attached.detachAll();
  });
}

function checkArguments(name: string, schema: z.ZodType<unknown[]>, args: unknown[]): unknown[] {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = (issue?.path.slice(1) ?? []).join('.');
  throw new UserError({
    code: 'invalid',
    message: where ? `${where}: ${issue?.message ?? ''}` : `${name}: ${issue?.message ?? ''}`,
    hint: 'Correct the value and try again.',
  });
}

/** Counts what one connection has attached, so that it detaches as often when it goes. */
class SerialAttachments {
  private readonly counts = new Map<string, number>();
  private readonly services: Services;
  constructor(services: Services) {
    this.services = services;
  }

  has(vmId: string, port: number): boolean {
    return this.counts.has(`${port}:${vmId}`);
  }

  async attach([vmId, port]: unknown[]): Promise<Uint8Array> {
    const key = `${port as number}:${vmId as string}`;
    const history = await this.services.session.attachSerial(vmId as string, port as number);
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    return history;
  }

  async detach([vmId, port]: unknown[]): Promise<void> {
    const key = `${port as number}:${vmId as string}`;
    const count = this.counts.get(key);
    if (count === undefined) return;
    if (count === 1) this.counts.delete(key);
    else this.counts.set(key, count - 1);
    await this.services.session.detachSerial(vmId as string, port as number);
  }

  detachAll(): void {
    for (const [key, count] of this.counts) {
      const separator = key.indexOf(':');
      for (let i = 0; i < count; i++) {
        this.services.session
          .detachSerial(key.slice(separator + 1), Number(key.slice(0, separator)))
          .catch(() => undefined);
      }
    }
    this.counts.clear();
  }
}
