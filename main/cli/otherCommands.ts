import type { Command } from 'commander';
import { completionCommand } from './completionCommand.ts';
import { diskCommand } from './diskCommands.ts';
import { doctorCommand } from './doctorCommand.ts';
import { galleryCommand, preferencesCommand } from './galleryCommands.ts';
import { libraryCommands } from './libraryCommands.ts';
import { mediaCommand } from './mediaCommands.ts';
import { networkCommands } from './networkCommands.ts';
import { organiseCommands } from './organiseCommands.ts';
import { screenCommands } from './screenCommands.ts';
import { serveCommand } from './serveCommand.ts';
import { snapshotCommands } from './snapshotCommands.ts';
import { transferCommands } from './transferCommands.ts';

/** All commands of `program` but `run`. Those that end with a code of their own give it to `finish`. */
export function otherCommands(program: Command, finish: (code: number) => void): Command[] {
  return [
    ...libraryCommands(finish),
    ...organiseCommands(),
    ...screenCommands(),
    diskCommand(finish),
    ...snapshotCommands(),
    ...transferCommands(),
    ...networkCommands(),
    mediaCommand(),
    galleryCommand(),
    preferencesCommand(),
    doctorCommand(),
    serveCommand(),
    completionCommand(program),
  ];
}
