/** Whether there is a process with that number on this host, of whatever user. Only where Node runs. */
export function isProcessAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // kill(2): there is one, but it is not ours to signal.
    return (error as { code?: string }).code === 'EPERM';
  }
}
