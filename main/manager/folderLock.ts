import { lock } from 'proper-lockfile';

/**
 * Takes turns with other processes over a folder. Waits about 20 s, longer than a killed process's
 * lock takes to be stale; then rejects. Returns the function that gives it free.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const release = await lock(folder, {
    stale: 10_000,
    retries: { retries: 60, factor: 1.2, minTimeout: 20, maxTimeout: 500 },
    // The folder was removed, or this process stood still for long: nothing can be done about it.
    onCompromised: () => undefined,
  });
  return () => release().catch(() => undefined);
}
