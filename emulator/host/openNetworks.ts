/** Plugs a machine's adapters into their networks. */
import { UserError } from '../../shared/services/errors.ts';
import type { MachineRequest } from '../../shared/vm/machineRequest.ts';
import { PluggedAdapter } from './pluggedAdapter.ts';

export class Networks {
  readonly adapters: readonly PluggedAdapter[];

  /** Throws UserError for a machine that cannot have a network. */
  constructor(request: Pick<MachineRequest, 'adapters' | 'clock'>) {
    if (
      request.clock === 'counted' &&
      request.adapters.some(({ network }) => network.mode !== 'none')
    ) {
      throw new UserError({
        code: 'counted-network',
        message:
          'A machine whose time is counted repeats its runs exactly, which a network would prevent.',
        hint: 'Leave out --net, or use --clock host.',
      });
    }
    this.adapters = request.adapters.map((adapter) => new PluggedAdapter(adapter));
  }

  async open(): Promise<void> {
    for (const adapter of this.adapters) await adapter.open();
  }

  /** An adapter by its place, from 0. Throws UserError. */
  adapter(index: number): PluggedAdapter {
    const adapter = this.adapters[index];
    if (adapter !== undefined) return adapter;
    throw new UserError({
      code: 'no-adapter',
      message: `This VM has no network adapter ${index + 1}.`,
      ...(this.adapters.length > 0 && { hint: `It has ${this.adapters.length}.` }),
    });
  }

  counters(): Record<string, number> {
    return Object.fromEntries(
      this.adapters.flatMap((adapter, index) =>
        Object.entries(adapter.counters()).map(([name, value]) => [`net${index}.${name}`, value]),
      ),
    );
  }

  async close(): Promise<void> {
    for (const adapter of this.adapters) await adapter.close();
  }
}
