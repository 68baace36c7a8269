/** `guesthouse network` and `guesthouse capture`: the adapters of running VMs. */
import { Command } from 'commander';
import { adapterChangeSchema, type AdapterStatus } from '../../shared/net/networkStatus.ts';
import { networkLabel } from '../../shared/vm/network.ts';
import { UsageError } from './commandError.ts';
import { parseForward } from './parseNet.ts';
import { hostPath, oneOf, wholeNumber } from './optionValues.ts';
import { parseWith } from './parseOptions.ts';
import { findVm, withServices } from './withServices.ts';

interface NetworkFlags {
  adapter: number;
  cable?: 'on' | 'off';
  forward?: Record<string, unknown>[];
  closeForwards?: true;
  allow?: string[];
  deny?: string[];
  rate?: number;
  latency?: number;
  jitter?: number;
  loss?: number;
  reorder?: number;
  perfect?: true;
  json?: true;
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const collect = <T>(parse: (text: string) => T) => {
  return (text: string, before: T[] | undefined): T[] => [...(before ?? []), parse(text)];
};
const adapterOption = [
  '--adapter <n>',
  'which adapter, from 1',
  wholeNumber('--adapter', 1, 8),
  1,
] as const;

function decimal(option: string) {
  return (text: string): number => {
    if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
    throw new UsageError(`${option} ${text}: give a number`);
  };
}

interface CaptureFlags {
  readonly adapter: number;
  readonly stop?: true;
  readonly json?: true;
}

export function networkCommands(): Command[] {
  return [
    new Command('network')
      .description(
        'show the network adapters of a running VM, or change one until it is powered off',
      )
      .argument('<vm>', 'name or id')
      .option(...adapterOption)
      .option('--cable <on|off>', 'plug the cable in or pull it', oneOf('--cable', ['on', 'off']))
      .option(
        '--forward <tcp|udp:[address]:port-[guest]:port>',
        'lead a host port to the guest; repeat it for all there shall be',
        collect(parseForward),
      )
      .option('--close-forwards', 'close all forwarded ports')
      .option(
        '--allow <where>',
        'let the guest reach a name, address or prefix; may be repeated',
        collect(String),
      )
      .option(
        '--deny <where>',
        'keep the guest from one; exceptions by --allow go before',
        collect(String),
      )
      .option('--rate <Mbit/s>', 'limit the line, each way', decimal('--rate'))
      .option('--latency <ms>', 'delay each way', decimal('--latency'))
      .option('--jitter <ms>', 'random delay on top', decimal('--jitter'))
      .option('--loss <percent>', 'frames that are lost', decimal('--loss'))
      .option('--reorder <percent>', 'frames that are overtaken', decimal('--reorder'))
      .option('--perfect', 'a perfect line again')
      .option('--json', 'machine-readable')
      .action((name: string, flags: NetworkFlags) =>
        withServices('direct', async (services) => {
          const { id } = await findVm(services, name);
          const asked = changeOf(flags);
          if (Object.keys(asked).length > 0) {
            const change = parseWith(adapterChangeSchema, asked);
            await services.session.changeAdapter(id, flags.adapter - 1, change);
          }
          const status = await services.session.networkStatus(id);
          print(flags.json ? JSON.stringify(status, null, 2) : formatStatus(status));
        }),
      ),

    new Command('capture')
      .description('write what passes an adapter of a running VM to a new pcapng file')
      .argument('<vm>', 'name or id')
      .argument('[file]', 'the file, for Wireshark and tshark')
      .option(...adapterOption)
      .option('--stop', 'end the capture')
      .option('--json', 'machine-readable')
      .action((name: string, file: string | undefined, flags: CaptureFlags) =>
        withServices('direct', async (services) => {
          if ((file === undefined) === (flags.stop === undefined))
            throw new UsageError('capture: name a file, or end the capture with --stop');
          const vm = await findVm(services, name);
          const capture = file === undefined ? null : hostPath(file);
          await services.session.changeAdapter(vm.id, flags.adapter - 1, { capture });
          const text = capture === null ? 'The capture has ended.' : `Capturing to ${capture}.`;
          print(flags.json ? JSON.stringify({ id: vm.id, capture }) : text);
        }),
      ),
  ];
}

function changeOf(flags: NetworkFlags): Record<string, unknown> {
  const { cable, forward, closeForwards, allow, deny, rate, perfect } = flags;
  const { latency, jitter, loss, reorder } = flags;
  const line = Object.entries({
    rate: rate === undefined ? undefined : rate * 1e6,
    ...{ latency, jitter, loss, reorder },
  }).filter(([, value]) => value !== undefined);
  const rules = [
    ...(allow ?? []).map((to) => ({ action: 'allow', to })),
    ...(deny ?? []).map((to) => ({ action: 'deny', to })),
  ];
  return {
    ...(cable === undefined ? {} : { connected: cable === 'on' }),
    ...(forward === undefined ? {} : { forwards: forward }),
    ...(closeForwards === undefined ? {} : { forwards: [] }),
    ...(rules.length === 0 ? {} : { rules }),
    ...(line.length === 0 ? {} : { conditions: Object.fromEntries(line) }),
    ...(perfect === undefined ? {} : { conditions: {} }),
  };
}

const networkNames = {
  none: () => 'not attached',
  user: () => 'user (NAT)',
  internal: (name: string) => `internal "${name}"`,
  natNetwork: (name: string) => `NAT network "${name}"`,
  hostOnly: (name: string) => `host-only "${name}"`,
  bridged: (name: string) => `bridged to ${name}`,
  tap: (name: string) => `TAP device ${name}`,
} as const;

function formatStatus(status: readonly AdapterStatus[]): string {
  if (status.length === 0) return 'This VM has no network adapter.';
  const lines = status.flatMap((one, index) => [
    `${index + 1}: ${one.model}, ${one.mac}, ${networkNames[one.network.mode](networkLabel(one.network))}, cable ${one.connected ? 'plugged in' : 'pulled'}`,
    ...(one.address === undefined ? [] : [`   address ${one.address}`]),
    `   in ${one.framesIn} frames, ${one.bytesIn} bytes; out ${one.framesOut} frames, ${one.bytesOut} bytes; ${one.tcp} TCP, ${one.udp} UDP`,
    ...one.forwards.map(
      ({ protocol, hostAddress, hostPort, guestAddress, guestPort }) =>
        `   ${protocol} ${hostAddress}:${hostPort} leads to ${guestAddress ?? 'the guest'}:${guestPort}`,
    ),
    ...one.rules.map(
      ({ action, to, ports }) =>
        `   ${action} ${to}${ports === undefined ? '' : ` ports ${ports[0]}-${ports[1]}`}`,
    ),
    ...Object.entries(one.conditions ?? {}).map(([name, value]) => `   ${name} ${value}`),
    ...(one.capture === undefined ? [] : [`   capturing to ${one.capture}`]),
  ]);
  return lines.join('\n');
}
