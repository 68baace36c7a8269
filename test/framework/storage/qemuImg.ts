/** qemu-img and qemu-io as oracles. */
import { spawnSync } from 'node:child_process';

export function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (error) throw error;
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: exit code ${status}\n${stdout}${stderr}`);
  return stdout;
}

export const qemuImg = (...args: string[]): string => run('qemu-img', ...args);

/** QEMU's name of a format. */
export const qemuFormat = (format: string): string => (format === 'vhd' ? 'vpc' : format);

/** Throws unless the image is free of errors; leaks only count if they are asked for. `replay`: what a log has is put in place. */
export function qemuCheck(
  file: string,
  format: string,
  { leaks = true, replay = false } = {},
): void {
  if (format === 'raw' || format === 'vhd') return;
  const { status, stdout, stderr } = spawnSync(
    'qemu-img',
    ['check', ...(replay ? ['-r', 'all', '-T', 'unsafe'] : []), '-f', qemuFormat(format), file],
    { encoding: 'utf8' },
  );
  // 3: leaks only.
  if (status === 0 || (status === 3 && !leaks)) return;
  throw new Error(`qemu-img check ${file}: exit code ${status}\n${stdout}${stderr}`.slice(0, 3000));
}

export function qemuCompare(file: string, format: string, raw: string): void {
  qemuImg('compare', '-f', qemuFormat(format), '-F', 'raw', file, raw);
}
