/** Plugs a machine's adapters into their networks. */
import { UserError } from '../../shared/services/errors.ts';
import type { LinkConditions } from '../../shared/net/linkConditions.ts';
import type { MachineRequest } from '../../shared/vm/machineRequest.ts';
import type { PortForwardConfig } from '../../shared/vm/network.ts';
import { HostNetworkError } from '../backends/hostNetwork.ts';
import { FolderBootFiles, NodeHostNetwork } from '../backends/node/nodeHostNetwork.ts';
import type { Clock, Entropy } from '../bus/types.ts';
import type { AdapterSpec } from '../machine/adapters.ts';
import { Link } from '../net/link.ts';
import { parseMac } from '../net/packet/ethernet.ts';
import { TimerQueue } from '../net/timerQueue.ts';
import { UserNetwork } from '../net/user/userNetwork.ts';
import { CaptureFile } from './captureFile.ts';

type AdapterRequest = MachineRequest['adapters'][number];

/** One adapter's cable and what is behind it. */
export class PluggedAdapter {
  readonly request: AdapterRequest;
  #link: Link | undefined;
  #user: UserNetwork | undefined;
  #timers: TimerQueue | undefined;
  #wallMs: () => number = Date.now;
  #capture: CaptureFile | undefined;

  constructor(request: AdapterRequest) {
    this.request = request;
  }

  readonly spec = (): AdapterSpec => ({
    model: this.request.model,
    mac: parseMac(this.request.mac) ?? new Uint8Array(6),
    network: (parts) => this.#connect(parts),
  });

  #connect({ clock, entropy }: { readonly clock: Clock; readonly entropy: Entropy }): Link {
    const word = new Uint32Array(1);
    const random = (): number => {
      entropy.fill(new Uint8Array(word.buffer));
      return (word[0] ?? 0) / 0x1_0000_0000;
    };
    const timers = (this.#timers = new TimerQueue(clock));
    const link = (this.#link = new Link({ timers, random }));
    this.#wallMs = () => clock.wallMs();
    link.setLinkUp(this.request.connected);
    const { network } = this.request;
    if (network.mode === 'user') {
      const { hostLoopback, rules, bootFolder, bootFile } = network;
      this.#user = new UserNetwork(
        link.networkEnd,
        {
          ...{ clock, entropy, host: new NodeHostNetwork() },
          ...(bootFolder === undefined ? {} : { bootFiles: new FolderBootFiles(bootFolder) }),
        },
        {
          hostLoopback,
          rules: rules.map(({ action, to, ports }) => ({ action, to, ...(ports && { ports }) })),
          ...(bootFile === undefined ? {} : { bootFile }),
        },
      );
      link.attach(this.#user);
    }
    return link;
  }

  /** What needs the host and can fail. Rejects with UserError. */
  async open(): Promise<void> {
    const { network, capture, mac } = this.request;
    // The first guest's address is this machine's, whoever else asks.
    this.#user?.dhcp.lease(parseMac(mac) ?? new Uint8Array(6));
    if (network.mode === 'user') await this.setForwards(network.forwards);
    if (capture !== undefined) await this.startCapture(capture);
  }

  /** Rejects with UserError and leaves all as it was if a port cannot be had. */
  async setForwards(forwards: readonly PortForwardConfig[]): Promise<void> {
    if (this.#user === undefined) {
      if (forwards.length === 0) return;
      throw new UserError({
        code: 'no-forwarding',
        message: 'Only an adapter on the user-mode network has port forwarding.',
        hint: 'Change what the adapter is attached to.',
      });
    }
    try {
      await this.#user.forward(
        forwards.map(({ guestAddress, ...rest }) => ({
          ...rest,
          ...(guestAddress === undefined ? {} : { guestAddress }),
        })),
      );
    } catch (error) {
      throw asNetworkError(error);
    }
  }

  setLinkUp(up: boolean): void {
    this.#link?.setLinkUp(up);
  }

  setConditions(conditions: LinkConditions | undefined): void {
    this.#link?.setConditions(conditions);
  }

  async startCapture(path: string): Promise<void> {
    await this.stopCapture();
    const link = this.#link;
    if (link === undefined) return;
    const capture = await CaptureFile.create(path, this.request.mac);
    this.#capture = capture;
    link.watcher = (bytes, fromGuest) => capture.add(bytes, fromGuest, this.#wallMs());
  }

  async stopCapture(): Promise<void> {
    const capture = this.#capture;
    this.#capture = undefined;
    if (this.#link !== undefined) this.#link.watcher = undefined;
    await capture?.close();
  }

  get capturing(): string | undefined {
    return this.#capture?.path;
  }

  counters(): Record<string, number> {
    return {
      ...this.#link?.counters,
      tcp: this.#user?.tcp.connections ?? 0,
      udp: this.#user?.udp.flows ?? 0,
    };
  }

  async close(): Promise<void> {
    await this.stopCapture();
    this.#user?.dispose();
    this.#link?.dispose();
    this.#timers?.dispose();
  }
}

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

const hints: Readonly<Record<HostNetworkError['code'], string>> = {
  'in-use': 'Choose another host port, or end the program that uses this one.',
  permission: 'Choose a port from 1024 up.',
  'no-address': 'Use 127.0.0.1, or 0.0.0.0 for every address.',
  io: 'Try another port.',
};

function asNetworkError(error: unknown): unknown {
  if (!(error instanceof HostNetworkError)) return error;
  return new UserError(
    { code: `port-${error.code}`, message: error.message, hint: hints[error.code] },
    { cause: error },
  );
}
