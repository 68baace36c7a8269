import type { NetworkClock } from '../net/timerQueue.ts';

/** The host's time, for a network that does not stand still with a machine. */
export class HostTime implements NetworkClock {
  nowNs(): number {
    return performance.now() * 1e6;
  }

  timer(fire: () => void): ReturnType<NetworkClock['timer']> {
    let running: NodeJS.Timeout | undefined;
    const cancel = (): void => clearTimeout(running);
    return {
      cancel,
      arm: (atNs) => {
        cancel();
        running = setTimeout(fire, Math.max(0, (atNs - this.nowNs()) / 1e6));
        // A network alone keeps no process alive.
        running.unref();
      },
    };
  }
}
