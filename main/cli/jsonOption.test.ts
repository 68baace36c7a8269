import { Command } from 'commander';
import { expect, test } from 'vitest';
import { otherCommands } from './otherCommands.ts';

/** What they give is a stream, a script or a server. */
const without = ['console', 'completion', 'serve'];

test('every command that answers can answer in JSON, and says what it does', () => {
  const lacking: string[] = [];
  const look = (command: Command, path: string): void => {
    if (command.description() === '') lacking.push(`${path}: no description`);
    if (command.commands.length === 0 && !command.options.some(({ long }) => long === '--json'))
      lacking.push(path);
    for (const sub of command.commands) look(sub, `${path} ${sub.name()}`);
  };
  for (const command of otherCommands(new Command('guesthouse'), () => undefined))
    look(command, command.name());
  expect(lacking.sort()).toEqual(without.sort());
});
