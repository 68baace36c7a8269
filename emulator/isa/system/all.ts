/** System instructions, one file a group. */
import './control.ts';
import './descriptors.ts';
import './farTransfers.ts';
import './flags.ts';
import './identification.ts';
import './memoryHints.ts';
import './ports.ts';
import './segments.ts';
