/**
 * A "guest" that is a network namespace of the host with Linux's own TCP/IP and real programs in it, on a
 * TAP device that is plugged into our user-mode network. Needs root.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { promisify } from 'node:util';
import type { FrameEnd } from '../../emulator/backends/network.ts';
import type { HostAddress } from '../../emulator/backends/hostNetwork.ts';
import { NodeHostNetwork } from '../../emulator/backends/node/nodeHostNetwork.ts';
import { TapDevice } from '../../emulator/backends/node/tapDevice.ts';
import { HostEntropy } from '../../emulator/bus/entropy.ts';
import { CaptureFile } from '../../emulator/host/captureFile.ts';
import { Link } from '../../emulator/net/link.ts';
import { TimerQueue } from '../../emulator/net/timerQueue.ts';
import {
  UserNetwork,
  type UserNetworkOptions,
  type UserNetworkParts,
} from '../../emulator/net/user/userNetwork.ts';
import { HostTime } from '../../emulator/host/hostTime.ts';

const execute = promisify(execFile);
let count = 0;

export interface NamespaceOptions extends UserNetworkOptions {
  /** Last byte of the address, 15 by default. */
  readonly last?: number;
  /** Plugged into this instead of a user-mode network of its own. */
  readonly plug?: (link: Link) => FrameEnd;
  readonly nameServers?: readonly HostAddress[];
  readonly bootFiles?: UserNetworkParts['bootFiles'];
}

class TestHost extends NodeHostNetwork {
  servers: readonly HostAddress[] = [];
  override nameServers(): readonly HostAddress[] {
    return this.servers;
  }
}

export class NetworkNamespace implements AsyncDisposable {
  readonly name: string;
  readonly link: Link;
  readonly network: UserNetwork;
  readonly #tap: TapDevice;
  readonly #timers: TimerQueue;
  readonly #children: ChildProcess[] = [];
  #capture: CaptureFile | undefined;

  private constructor(name: string, tap: TapDevice, options: NamespaceOptions) {
    this.name = name;
    this.#tap = tap;
    const clock = new HostTime();
    const entropy = new HostEntropy();
    const timers = (this.#timers = new TimerQueue(clock));
    this.link = new Link({ timers, random: Math.random });
    this.link.connect({
      take: (frame) => tap.take(frame),
      ready: () => tap.ready(),
      flush: () => undefined,
      offloads: { checksum: false, segmentation: false },
      linkChanged: () => undefined,
    });
    const host = new TestHost();
    host.servers = options.nameServers ?? [];
    const { bootFiles } = options;
    this.network = new UserNetwork(
      this.link.networkEnd,
      { clock, entropy, host, ...(bootFiles === undefined ? {} : { bootFiles }) },
      options,
    );
    this.link.attach(options.plug?.(this.link) ?? this.network);
    tap.start(this.link);
  }

  /** With the address that DHCP would give, the default route, and IPv6 by router advertisement. */
  static async create(options: NamespaceOptions = {}): Promise<NetworkNamespace> {
    const name = `gh${process.pid}n${count++}`;
    await execute('ip', ['netns', 'add', name]);
    const tap = await TapDevice.open(`t${name}`.slice(0, 15));
    await execute('ip', ['link', 'set', tap.name, 'netns', name]);
    const made = new NetworkNamespace(name, tap, options);
    await made.run('ip link set lo up');
    await made.run(`ip link set ${tap.name} up`);
    await made.run(`ip addr add 10.0.2.${options.last ?? 15}/24 dev ${tap.name}`);
    await made.run('ip route add default via 10.0.2.2');
    return made;
  }

  get device(): string {
    return this.#tap.name;
  }

  /** Runs a shell command in the namespace; rejects with its output if it fails. */
  async run(command: string, seconds = 60): Promise<string> {
    const { stdout } = await execute('ip', ['netns', 'exec', this.name, 'sh', '-c', command], {
      timeout: seconds * 1000,
      maxBuffer: 64 << 20,
    });
    return stdout.trim();
  }

  /** Starts a program that runs until the end. */
  start(command: string): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.name, 'sh', '-c', `exec ${command}`], {
      stdio: 'ignore',
    });
    this.#children.push(child);
    return child;
  }

  async capture(path: string): Promise<void> {
    const capture = (this.#capture = await CaptureFile.create(path, this.device));
    this.link.watcher = (bytes, fromGuest) => capture.add(bytes, fromGuest, Date.now());
  }

  async stopCapture(): Promise<void> {
    this.link.watcher = undefined;
    await this.#capture?.close();
    this.#capture = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.stopCapture();
    this.network.dispose();
    this.link.dispose();
    this.#timers.dispose();
    this.#tap.close();
    await execute('ip', ['netns', 'del', this.name]).catch(() => undefined);
  }
}
