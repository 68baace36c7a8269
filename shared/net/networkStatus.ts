/** What a running machine's adapters do, and what can be changed about them meanwhile. */
import { z } from 'zod';
import { firewallRuleSchema, networkSchema, portForwardSchema } from '../vm/network.ts';
import { linkConditionsSchema } from './linkConditions.ts';

export const adapterStatusSchema = z.object({
  model: z.string(),
  mac: z.string(),
  connected: z.boolean(),
  network: networkSchema,
  /** What DHCP gives the guest, on a network with an address of ours. */
  address: z.string().optional(),
  forwards: z.array(portForwardSchema),
  rules: z.array(firewallRuleSchema),
  conditions: linkConditionsSchema.optional(),
  /** Host path of the file that is being written. */
  capture: z.string().optional(),
  /** Since the machine was started; "in" is towards the guest. */
  framesIn: z.number(),
  bytesIn: z.number(),
  framesOut: z.number(),
  bytesOut: z.number(),
  /** Open connections, and UDP ports in use. */
  tcp: z.number(),
  udp: z.number(),
});
export type AdapterStatus = z.infer<typeof adapterStatusSchema>;

/** What is absent stays as it is. Lasts until the machine is powered off. */
export const adapterChangeSchema = z.strictObject({
  connected: z.boolean().optional(),
  /** All of them: what is not in the list is closed. */
  forwards: z.array(portForwardSchema).max(256).optional(),
  rules: z.array(firewallRuleSchema).max(256).optional(),
  /** Empty: a perfect line. */
  conditions: linkConditionsSchema.optional(),
  /** Host path of a new pcapng file; null ends the capture. */
  capture: z.string().min(1).nullable().optional(),
});
export type AdapterChange = z.infer<typeof adapterChangeSchema>;
