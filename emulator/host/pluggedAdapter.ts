/** A machine's network adapter plugged into its network. */
import { mkdir } from 'node:fs/promises';
import { UserError } from '../../shared/services/errors.ts';
import type { AdapterChange, AdapterStatus } from '../../shared/net/networkStatus.ts';
import type { LinkConditions } from '../../shared/net/linkConditions.ts';
import type { MachineRequest } from '../../shared/vm/machineRequest.ts';
import type { NetworkConfig, PortForwardConfig } from '../../shared/vm/network.ts';
import { FolderBootFiles, NodeHostNetwork } from '../backends/node/nodeHostNetwork.ts';
import { TapDevice } from '../backends/node/tapDevice.ts';
import type { Clock, Entropy } from '../bus/types.ts';
import type { AdapterSpec } from '../machine/adapters.ts';
import { Link } from '../net/link.ts';
import { parseMac } from '../net/packet/ethernet.ts';
import { completeFrames } from '../net/packet/offload.ts';
import { TimerQueue } from '../net/timerQueue.ts';
import type { FirewallRule } from '../net/user/firewall.ts';
import { hostOnlyAddresses } from '../net/user/userAddresses.ts';
import { UserNetwork } from '../net/user/userNetwork.ts';
import { CaptureFile } from './captureFile.ts';
import { HostTime } from './hostTime.ts';
import { asNetworkError, asTapError } from './networkErrors.ts';
import { networkSocket } from './networkSocket.ts';
import { serverHasPort } from './serverPorts.ts';
import { SharedNetwork } from './sharedNetwork.ts';

type AdapterRequest = MachineRequest['adapters'][number];

/** One adapter's cable and what is behind it. */
export class PluggedAdapter {
  readonly request: AdapterRequest;
  #link: Link | undefined;
  #user: UserNetwork | undefined;
  #rules: NonNullable<AdapterChange['rules']> = [];
  #shared: SharedNetwork | undefined;
  #tap: TapDevice | undefined;
  #timers: TimerQueue | undefined;
  #wallMs: () => number = Date.now;
  #capture: CaptureFile | undefined;
  #forwards: readonly PortForwardConfig[] = [];
  #conditions: LinkConditions | undefined;
  #connected = false;

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
    const { network } = this.request;
    this.#plug(this.request.connected);
    if (network.mode === 'user') {
      const { hostLoopback, bootFolder, bootFile, ipxeFile } = network;
      const portClosed = serverHasPort;
      this.#user = new UserNetwork(
        link.networkEnd,
        {
          ...{ clock, entropy, host: new NodeHostNetwork() },
          ...(bootFolder === undefined ? {} : { bootFiles: new FolderBootFiles(bootFolder) }),
        },
        {
          ...{ hostLoopback, portClosed },
          ...(bootFile === undefined ? {} : { bootFile }),
          ...(ipxeFile === undefined ? {} : { ipxeFile }),
        },
      );
      link.attach(this.#user);
    } else if ('name' in network) {
      const options =
        network.mode === 'hostOnly'
          ? {
              ...{ addresses: hostOnlyAddresses, hostOnly: true, hostLoopback: true },
              portClosed: serverHasPort,
            }
          : {};
      this.#shared = new SharedNetwork({
        path: networkSocket(network.mode, network.name).path,
        peer: link.networkEnd,
        ...(network.mode !== 'internal' && {
          // It serves others also while this machine is paused.
          gateway: (to, guestOf) =>
            new UserNetwork(
              to,
              { clock: new HostTime(), entropy, host: new NodeHostNetwork() },
              { ...options, guestOf },
            ),
        }),
      });
      link.attach(this.#shared);
    }
    return link;
  }

  /** What needs the host and can fail. Rejects with UserError. */
  async open(): Promise<void> {
    const { network, capture, mac } = this.request;
    // The first guest's address is this machine's, whoever else asks.
    this.#user?.dhcp.lease(parseMac(mac) ?? new Uint8Array(6));
    if (network.mode === 'bridged' || network.mode === 'tap') await this.#openTap(network);
    if ('name' in network) {
      const { folder } = networkSocket(network.mode, network.name);
      if (folder !== '') await mkdir(folder, { recursive: true, mode: 0o700 });
      await this.#shared?.open();
    }
    if (network.mode === 'user') {
      this.#setRules(network.rules);
      await this.setForwards(network.forwards);
    }
    if (capture !== undefined) await this.startCapture(capture);
  }

  /** Rejects with UserError, which says what the host lacks. */
  async #openTap(network: Extract<NetworkConfig, { mode: 'bridged' | 'tap' }>): Promise<void> {
    if (this.#link === undefined) return;
    try {
      const device = network.mode === 'tap' ? network.device : 'ghtap%d';
      const tap = (this.#tap = await TapDevice.open(device));
      if (network.mode === 'bridged') tap.join(network.bridge);
      else tap.up();
      tap.start(this.#link.networkEnd);
      this.#link.attach({
        take: (frame) => {
          completeFrames(frame, (piece) => void tap.take(piece));
          return true;
        },
        ready: () => tap.ready(),
        flush: () => tap.flush(),
      });
    } catch (error) {
      throw asTapError(error, network.mode);
    }
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
      this.#forwards = forwards;
    } catch (error) {
      throw asNetworkError(error);
    }
  }

  status(): AdapterStatus {
    const { model, mac, network } = this.request;
    const { framesIn = 0, bytesIn = 0, framesOut = 0, bytesOut = 0 } = this.#link?.counters ?? {};
    const address = this.#user?.leaseOf(parseMac(mac) ?? new Uint8Array(6));
    const capture = this.#capture?.path;
    return {
      ...{ model, mac, network, framesIn, bytesIn, framesOut, bytesOut },
      connected: this.#connected,
      ...(address === undefined ? {} : { address }),
      forwards: [...this.#forwards],
      rules: [...this.#rules],
      ...(this.#conditions === undefined ? {} : { conditions: this.#conditions }),
      ...(capture === undefined ? {} : { capture }),
      tcp: this.#user?.tcp.connections ?? 0,
      udp: this.#user?.udp.flows ?? 0,
    };
  }

  /** Rejects with UserError; what stands before the part that fails has been changed then. */
  async change({ connected, forwards, rules, conditions, capture }: AdapterChange): Promise<void> {
    if (forwards !== undefined) await this.setForwards(forwards);
    if (rules !== undefined) this.#setRules(rules);
    if (capture === null) await this.stopCapture();
    else if (capture !== undefined) await this.startCapture(capture);
    if (conditions !== undefined) {
      this.#conditions = conditions;
      this.#link?.setConditions(conditions);
    }
    if (connected !== undefined) this.#plug(connected);
  }

  /** A cable that leads nowhere carries nothing: the guest sees that it is not attached. */
  #plug(connected: boolean): void {
    this.#connected = connected;
    this.#link?.setLinkUp(connected && this.request.network.mode !== 'none');
  }

  #setRules(rules: NonNullable<AdapterChange['rules']>): void {
    try {
      this.#user?.setRules(rules.map(ruleOf));
      this.#rules = rules;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new UserError({
        code: 'bad-rule',
        message: `A firewall rule is wrong: ${error.message}.`,
        hint: 'Write a name as "*.example.org", an address or a prefix as "10.0.0.0/8", or "any".',
      });
    }
  }

  async startCapture(path: string): Promise<void> {
    const link = this.#link;
    if (link === undefined) return;
    const capture = await CaptureFile.create(path, this.request.mac);
    await this.stopCapture();
    this.#capture = capture;
    link.watcher = (bytes, fromGuest) => capture.add(bytes, fromGuest, this.#wallMs());
  }

  async stopCapture(): Promise<void> {
    const capture = this.#capture;
    this.#capture = undefined;
    if (this.#link !== undefined) this.#link.watcher = undefined;
    await capture?.close();
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
    await this.#shared?.close();
    this.#tap?.close();
    this.#link?.dispose();
    this.#timers?.dispose();
  }
}

type RuleConfig = NonNullable<AdapterChange['rules']>[number];
const ruleOf = ({ action, to, ports }: RuleConfig): FirewallRule => ({
  action,
  to,
  ...(ports && { ports }),
});
