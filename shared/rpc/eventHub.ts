import type { ServiceEvents, ServiceEventSource } from './serviceContract.ts';

/** Listeners by event name. A listener that throws does not keep the others from hearing. */
export class EventHub implements ServiceEventSource {
  private readonly listeners = new Map<string, Set<(...args: never[]) => void>>();

  on<K extends keyof ServiceEvents>(name: K, listener: ServiceEvents[K]): () => void {
    let set = this.listeners.get(name);
    if (!set) this.listeners.set(name, (set = new Set()));
    // A wrapper of its own, so that the same function may be subscribed twice.
    const entry = (...args: never[]): void => (listener as (...args: never[]) => void)(...args);
    set.add(entry);
    return () => void set.delete(entry);
  }

  emit<K extends keyof ServiceEvents>(name: K, ...args: Parameters<ServiceEvents[K]>): void {
    for (const listener of [...(this.listeners.get(name) ?? [])]) {
      try {
        (listener as unknown as (...args: Parameters<ServiceEvents[K]>) => void)(...args);
      } catch (error) {
        // eslint-disable-next-line no-console -- window and Node have no other place in common
        console.error(error);
      }
    }
  }
}
