/** What a file is that is imported or exported, by its name. */
import { extname, isAbsolute } from 'node:path';
import { UserError } from '../../../shared/services/errors.ts';
import type { ImportPreview } from '../../../shared/services/transfer.ts';

type Kind = ImportPreview['kind'];
const kinds: Readonly<Record<string, Kind>> = {
  '.ova': 'ova',
  '.ovf': 'ovf',
  '.vbox': 'vbox',
  '.guesthouse': 'bundle',
};

/** Throws UserError. */
export function kindOf(path: string): Kind {
  const kind = kinds[extname(path).toLowerCase()];
  if (kind !== undefined && isAbsolute(path)) return kind;
  throw new UserError({
    code: 'transfer-kind',
    message: `${path} is not the name of an appliance, a machine of VirtualBox or a bundle.`,
    hint: 'Such files end in .ova, .ovf, .vbox or .guesthouse.',
  });
}
