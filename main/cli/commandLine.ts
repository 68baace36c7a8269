/** The commands of `guesthouse`. */
import { Command } from 'commander';
import { describeFailure } from './commandError.ts';

/** Runs one command line (without node and script) and returns the exit code. */
export async function runCli(args: readonly string[]): Promise<number> {
  let code = 0;
  const finish = (value: number): void => void (code = value);
  const program = new Command('guesthouse')
    .description('create, run and look after virtual machines')
    .version('0.1.0')
    .addHelpText(
      'after',
      '\n"guesthouse COMMAND --help" explains a command. The VMs lie in the folder that the variable\n' +
        'GUESTHOUSE_HOME names, by default in your folder for application data.',
    )
    .showHelpAfterError(false)
    .configureOutput({ outputError: () => undefined });
  for (const command of await commandsFor(args[0], program, finish)) program.addCommand(command);
  for (const command of program.commands) {
    command.exitOverride().configureOutput({ outputError: () => undefined });
  }
  program.exitOverride();
  try {
    if (args.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    const failure = describeFailure(error, helpFor(program, args[0]));
    if (failure.text !== '') process.stderr.write(`guesthouse: ${failure.text}\n`);
    return failure.code;
  }
  return code;
}

/** `run` and `disk` start sooner without the others, which are most of the program. */
async function commandsFor(
  name: string | undefined,
  program: Command,
  finish: (code: number) => void,
): Promise<Command[]> {
  if (name === 'disk') return [(await import('./diskCommands.ts')).diskCommand(finish)];
  const run = (await import('./runCommand.ts')).runCommand(finish);
  if (name === 'run') return [run];
  const { otherCommands } = await import('./otherCommands.ts');
  return [run, ...otherCommands(program, finish)];
}

function helpFor(program: Command, name: string | undefined): string {
  const known = program.commands.some((command) => command.name() === name);
  return known ? `guesthouse ${name} --help` : 'guesthouse --help';
}
