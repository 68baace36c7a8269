/** Who made this machine's CPU: where the manuals leave a choice, the makers choose differently. */
import { readFileSync } from 'node:fs';

export type Maker = 'intel' | 'amd' | 'other';

const makers: Readonly<Record<string, Maker>> = { GenuineIntel: 'intel', AuthenticAMD: 'amd' };

/** From CPUID leaf 0 as Linux shows it. */
export const hostMaker: Maker =
  makers[/^vendor_id\s*: (\w+)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ?? ''] ??
  'other';
