/** `guesthouse completion`: what shells complete after `guesthouse`, made from the commands themselves. */
import { Command } from 'commander';
import { oneOf } from './optionValues.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

export function completionCommand(program: Command): Command {
  return new Command('completion')
    .description('print a script that completes commands and options, for bash, zsh or fish')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText(
      'after',
      '\nbash: guesthouse completion bash > ~/.local/share/bash-completion/completions/guesthouse\n' +
        'zsh:  guesthouse completion zsh > ~/.zfunc/_guesthouse  (a folder in $fpath)\n' +
        'fish: guesthouse completion fish > ~/.config/fish/completions/guesthouse.fish',
    )
    .action((name: string) => {
      const script = scripts[oneOf('completion', shells)(name)];
      process.stdout.write(script(wordsOf(program)));
    });
}

/** After each command, as "disk convert", what may follow: subcommands and options. */
function wordsOf(program: Command, path: readonly string[] = []): Map<string, string[]> {
  const own = program.commands.map((command) => command.name());
  const options = program.options.flatMap(({ long }) => long ?? []);
  const words = new Map([[path.join(' '), [...own, ...options, '--help']]]);
  for (const command of program.commands)
    for (const [at, following] of wordsOf(command, [...path, command.name()]))
      words.set(at, following);
  return words;
}

type Script = (words: ReadonlyMap<string, readonly string[]>) => string;

const cases: Script = (words) =>
  [...words]
    .map(([path, following]) => `    '${path}') words='${following.join(' ')}' ;;`)
    .join('\n');

/** The longest path of commands before the cursor decides; anything else is completed as a file. */
const bash: Script = (words) => `# bash completion of guesthouse
_guesthouse() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' words='' word
  _guesthouse_words() { case "$1" in
${cases(words)}
    *) return 1 ;;
  esac; }
  _guesthouse_words ''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if _guesthouse_words "\${path:+$path }$word"; then path="\${path:+$path }$word"; fi
  done
  _guesthouse_words "$path"
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  if [ \${#COMPREPLY[@]} -eq 0 ]; then mapfile -t COMPREPLY < <(compgen -f -- "$current"); fi
}
complete -o filenames -F _guesthouse guesthouse
`;

const zsh: Script = (words) => `#compdef guesthouse
autoload -U +X bashcompinit && bashcompinit
${bash(words)}`;

const fish: Script = (words) =>
  [...words]
    .flatMap(([path, following]) => {
      const before = path === '' ? [] : path.split(' ');
      const seen = before.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
      const condition = seen === '' ? '__fish_use_subcommand' : seen;
      return following.map((word) =>
        word.startsWith('--')
          ? `complete -c guesthouse -n '${condition}' -l ${word.slice(2)}`
          : `complete -c guesthouse -f -n '${condition}' -a ${word}`,
      );
    })
    .join('\n') + '\n';

const scripts: Readonly<Record<(typeof shells)[number], Script>> = { bash, zsh, fish };
