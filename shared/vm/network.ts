/** Network adapters in a configuration, and what they are plugged into. */
import { z } from 'zod';

export const adapterModels = ['virtio', 'e1000'] as const;

/** As "52:54:00:12:34:56"; not a multicast address. */
export const macSchema = z
  .string()
  .regex(/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i, 'write it as 52:54:00:12:34:56')
  .transform((mac) => mac.toLowerCase());

const port = z.int().min(1).max(65535);

/** A port of the host that leads to the guest. */
export const portForwardSchema = z.strictObject({
  protocol: z.enum(['tcp', 'udp']).default('tcp'),
  /** Of the host: "127.0.0.1", "::1"; "0.0.0.0" is every address. */
  hostAddress: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
  hostPort: port,
  /** The guest's address as DHCP gives it, if absent. */
  guestAddress: z.union([z.ipv4(), z.ipv6()]).optional(),
  guestPort: port,
});
export type PortForwardConfig = z.infer<typeof portForwardSchema>;

/** What guests may reach; the first rule that matches counts. */
export const firewallRuleSchema = z.strictObject({
  action: z.enum(['allow', 'deny']),
  /** "example.org", "*.example.org", "192.0.2.7", "10.0.0.0/8", "any". */
  to: z.string().min(1).max(253),
  /** First and last. */
  ports: z
    .tuple([port, port])
    .refine(([first, last]) => first <= last, 'the first port is above the last')
    .optional(),
});

export type FirewallRuleConfig = z.infer<typeof firewallRuleSchema>;

/** Of Linux's network devices. */
const deviceName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/);
const networkName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/);

export const userNetworkSchema = z.strictObject({
  mode: z.literal('user'),
  /** The gateway's address reaches the host's loopback. */
  hostLoopback: z.boolean().default(false),
  forwards: z.array(portForwardSchema).max(256).default([]),
  rules: z.array(firewallRuleSchema).max(256).default([]),
  /** Host folder that TFTP serves, and the file in it that network boot asks for. */
  bootFolder: z.string().min(1).optional(),
  bootFile: z.string().min(1).max(127).optional(),
  /** The same for iPXE, once it runs: a script of its own, or what it is to start. */
  ipxeFile: z.string().min(1).max(127).optional(),
});

export const networkSchema = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('none') }),
  userNetworkSchema,
  /** Machines with the same name share a cable, and nothing else. */
  z.strictObject({ mode: z.literal('internal'), name: networkName }),
  /** Machines with the same name share a cable with one gateway to the outside. */
  z.strictObject({ mode: z.literal('natNetwork'), name: networkName }),
  /** Machines with the same name share a cable with the host's loopback services, and nothing else. */
  z.strictObject({ mode: z.literal('hostOnly'), name: networkName }),
  /** A port of a bridge that the host has. Linux, and the right to add one. */
  z.strictObject({ mode: z.literal('bridged'), bridge: deviceName }),
  /** A TAP device, made beforehand for this user, or made if the user may. Linux. */
  z.strictObject({ mode: z.literal('tap'), device: deviceName }),
]);
export type NetworkConfig = z.infer<typeof networkSchema>;

/** What tells a network from others of its mode: its name or device, or nothing. */
export function networkLabel(network: NetworkConfig): string {
  if ('name' in network) return network.name;
  if ('bridge' in network) return network.bridge;
  return 'device' in network ? network.device : '';
}

export const adapterSchema = z.strictObject({
  model: z.enum(adapterModels).default('virtio'),
  /** Made from the machine's identity if absent. */
  mac: macSchema.optional(),
  connected: z.boolean().default(true),
  network: networkSchema.prefault({ mode: 'user' }),
});
export type AdapterConfig = z.infer<typeof adapterSchema>;
export const mostAdapters = 8;

/** The same for the same text; locally administered, unicast. */
export function generatedMac(seed: string): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (const character of seed) {
    a = Math.imul(a ^ character.charCodeAt(0), 0x01000193) >>> 0;
    b = Math.imul(b + a, 0x85ebca6b) >>> 0;
  }
  const bytes = [0x52, 0x54, a & 255, (a >>> 11) & 255, b & 255, (b >>> 13) & 255];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
