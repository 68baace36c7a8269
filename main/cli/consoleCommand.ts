import type { Services } from '../../shared/rpc/serviceContract.ts';
import { UserError } from '../../shared/services/errors.ts';
import type { VmSummary } from '../../shared/services/library.ts';

const escapeByte = 0x1d; // Ctrl-]
const activeStates: readonly VmSummary['state'][] = ['starting', 'running', 'paused', 'stopping'];

/**
 * Joins this terminal to a VM's first serial port until Ctrl-], the end of the VM, or the end of
 * the manager. Returns the exit code: 1 if the VM was aborted.
 */
export async function attachConsole(
  services: Services,
  vm: VmSummary,
  lost: Promise<string>,
): Promise<number> {
  if (!activeStates.includes(vm.state) && !activeStates.includes(await stateNow(services, vm.id))) {
    throw new UserError({
      code: 'not-running',
      message: `"${vm.name}" is not running.`,
      hint: `Start it with "guesthouse start ${vm.name}".`,
    });
  }
  const { stdin, stdout } = process;
  const terminal = stdin.isTTY;
  const undo: (() => void)[] = [];
  let over = false;
  // In raw mode a line feed alone does not go back to the first column.
  const say = (text: string): void => {
    if (!over) process.stderr.write(terminal ? `\r\n${text}\r\n` : `\n${text}\n`);
  };
  try {
    return await new Promise<number>((resolve, reject) => {
      undo.push(
        services.events.on('serialOutput', (id, port, bytes) => {
          if (id === vm.id && port === 0) stdout.write(bytes);
        }),
        services.events.on('listChanged', (vms) => {
          const now = vms.find((one) => one.id === vm.id);
          if (now && activeStates.includes(now.state)) return;
          say(now?.reason ?? 'The VM has been powered off.');
          resolve(now?.state === 'aborted' ? 1 : 0);
        }),
      );
      void lost.then((reason) => {
        say(reason);
        resolve(1);
      });
      services.session.attachSerial(vm.id, 0).then((history) => {
        stdout.write(history);
        if (terminal) {
          stdin.setRawMode(true);
          undo.push(() => stdin.setRawMode(false));
          say('Attached; Ctrl-] detaches.');
        }
        stdin.on('data', (chunk: Buffer) => {
          if (terminal && chunk.includes(escapeByte)) {
            say('Detached.');
            resolve(0);
            return;
          }
          services.session.sendSerial(vm.id, 0, chunk).catch((error: unknown) => {
            if (error instanceof UserError && error.code === 'input-full') return;
            reject(error instanceof Error ? error : new Error(String(error)));
          });
        });
        stdin.on('error', () => undefined);
      }, reject);
      stdout.on('error', () => resolve(0));
    });
  } finally {
    over = true;
    for (const one of undo) one();
    stdin.pause();
  }
}

async function stateNow(services: Services, id: string): Promise<VmSummary['state']> {
  const vm = (await services.library.list()).find((one) => one.id === id);
  return vm?.state ?? 'poweredOff';
}
