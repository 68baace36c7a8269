import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { runCli } from './commandLine.ts';

async function script(shell: string): Promise<string> {
  const write = process.stdout.write.bind(process.stdout);
  let said = '';
  process.stdout.write = ((text: string) => ((said += text), true)) as typeof write;
  try {
    expect(await runCli(['completion', shell])).toBe(0);
  } finally {
    process.stdout.write = write;
  }
  return said;
}

it('completes commands and options in a real bash', async () => {
  const source = await script('bash');
  const complete = (...words: string[]): string[] => {
    const line = ['guesthouse', ...words].map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _guesthouse; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, status, stderr } = spawnSync('bash', ['-c', `${source}\n${ask}`], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    return stdout.trim().split('\n');
  };
  expect(complete('clo')).toEqual(['clone']);
  expect(complete('disk', 'con')).toEqual(['convert']);
  expect(complete('group', 'create', '--j')).toEqual(['--json']);
  expect(complete('delete', 'a vm', '--f')).toEqual(['--files']);
});

it('knows zsh and fish, and no other shell', async () => {
  expect(await script('zsh')).toMatch(/^#compdef guesthouse/);
  expect(await script('fish')).toContain('-a clone');
  expect(await runCli(['completion', 'csh'])).toBe(64);
});
