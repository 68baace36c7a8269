/** The --net option: adapters and their networks as text. */
import { adapterModels, adapterSchema, type AdapterConfig } from '../../shared/vm/network.ts';
import { describeIssue } from '../../shared/vm/configMigrations.ts';
import { UsageError } from './commandError.ts';
import { hostPath, oneOf } from './optionValues.ts';

export type RunAdapter = AdapterConfig & { readonly capture?: string };

/** Explains the option in help texts. */
export const netHelp =
  'network adapter: none, or user[,OPTION…] with hostfwd=tcp|udp:[HOST-ADDRESS]:PORT-[GUEST]:PORT,\n' +
  'model=virtio|e1000, mac=…, host-loopback=on, cable=off, tftp=FOLDER, bootfile=NAME, ipxe=NAME, capture=FILE;\n' +
  'internal,name=NAME or nat-network,name=NAME joins machines, host-only,name=NAME joins them with this\n' +
  'computer alone; bridged,bridge=BRIDGE and tap,device=DEVICE (Linux); may be repeated';

/** "MODE[,key=value…]"; undefined for "none". */
export function parseNet(text: string): RunAdapter | undefined {
  const [mode = '', ...parts] = text.split(',');
  if (mode === 'none' && parts.length === 0) return undefined;
  const kinds = {
    user: 'user',
    internal: 'internal',
    'nat-network': 'natNetwork',
    'host-only': 'hostOnly',
    bridged: 'bridged',
    tap: 'tap',
    none: 'none',
  } as const;
  if (!Object.hasOwn(kinds, mode)) {
    throw new UsageError(
      `--net ${text}: use none, user, internal,name=NAME, nat-network,name=NAME, host-only,name=NAME, bridged,bridge=BRIDGE or tap,device=DEVICE`,
    );
  }
  const kind = kinds[mode as keyof typeof kinds];
  const network: Record<string, unknown> = { mode: kind };
  const adapter: Record<string, unknown> = { network };
  let capture: string | undefined;
  const forwards: unknown[] = [];
  for (const part of parts) {
    const at = part.indexOf('=');
    const [key, value] = at < 0 ? [part, 'on'] : [part.slice(0, at), part.slice(at + 1)];
    const onOff = (): boolean => oneOf(`--net ${key}=`, ['on', 'off'])(value) === 'on';
    if (key === 'model') adapter['model'] = oneOf('--net model=', adapterModels)(value);
    else if (key === 'mac') adapter['mac'] = value;
    else if (key === 'cable') adapter['connected'] = onOff();
    else if (key === 'capture') capture = hostPath(value);
    else if (key === 'name' && ['internal', 'natNetwork', 'hostOnly'].includes(kind))
      network['name'] = value;
    else if (key === 'bridge' && kind === 'bridged') network['bridge'] = value;
    else if (key === 'device' && kind === 'tap') network['device'] = value;
    else if (kind === 'user' && key === 'host-loopback') network['hostLoopback'] = onOff();
    else if (kind === 'user' && key === 'hostfwd') forwards.push(parseForward(value));
    else if (kind === 'user' && key === 'tftp') network['bootFolder'] = hostPath(value);
    else if (kind === 'user' && key === 'bootfile') network['bootFile'] = value;
    else if (kind === 'user' && key === 'ipxe') network['ipxeFile'] = value;
    else
      throw new UsageError(`--net: "${part}" is unknown for ${mode}; see "guesthouse run --help"`);
  }
  if (forwards.length > 0) network['forwards'] = forwards;
  const parsed = adapterSchema.safeParse(adapter);
  if (!parsed.success)
    throw new UsageError(`--net ${text}: ${describeIssue(parsed.error)}; change it`);
  return { ...parsed.data, ...(capture === undefined ? {} : { capture }) };
}

/** "tcp|udp:[ADDRESS]:PORT-[ADDRESS]:PORT"; IPv6 addresses stand in brackets. */
export function parseForward(text: string): Record<string, unknown> {
  const address = '(\\[[0-9a-fA-F:.]*\\]|[0-9.]*)';
  const match = new RegExp(`^(tcp|udp):${address}:(\\d+)-${address}:(\\d+)$`).exec(text);
  if (match === null) {
    throw new UsageError(`--net hostfwd=${text}: write it as tcp:127.0.0.1:2222-:22`);
  }
  const [, protocol, host = '', hostPort, guest = '', guestPort] = match;
  const bare = (part: string): string => part.replace(/^\[(.*)\]$/, '$1');
  return {
    protocol,
    ...(host === '' ? {} : { hostAddress: bare(host) }),
    hostPort: Number(hostPort),
    ...(guest === '' ? {} : { guestAddress: bare(guest) }),
    guestPort: Number(guestPort),
  };
}

/** Adapters for a machine that has no identity to make addresses from. */
export function withMacs(
  adapters: readonly RunAdapter[],
): (RunAdapter & { readonly mac: string })[] {
  const random = (): string =>
    [
      '52',
      '54',
      ...Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) =>
        byte.toString(16).padStart(2, '0'),
      ),
    ].join(':');
  return adapters.map((adapter) => ({ ...adapter, mac: adapter.mac ?? random() }));
}
