import type { Services } from '../../shared/rpc/serviceContract.ts';
import { UserError } from '../../shared/services/errors.ts';
import type { VmSummary } from '../../shared/services/library.ts';

/**
 * Gives the library's manager if one runs. If none does, 'start' starts one in the background, and
 * 'direct' works on the files of the library in this process: then no VM is running.
 */
export async function withServices<T>(
  how: 'start' | 'direct',
  work: (services: Services, lost: Promise<string>) => Promise<T>,
): Promise<T> {
  // Loaded here: "guesthouse run" starts without them.
  const { connectOrStartManager } = await import('../manager/daemon.ts');
  const { openHome } = await import('../manager/home.ts');
  const { createHostService } = await import('../manager/hostService.ts');
  const { Manager } = await import('../manager/manager.ts');
  const { nodeVmStarter } = await import('../manager/nodeVmStarter.ts');
  const { connectManager } = await import('../manager/openManager.ts');
  const home = await openHome();
  const remote = how === 'start' ? await connectOrStartManager(home) : await connectManager(home);
  if (remote) {
    try {
      return await work(remote, remote.closed);
    } finally {
      remote.close();
    }
  }
  const local = new Manager(home, createHostService('server', home.folder), nodeVmStarter());
  try {
    return await work(local, new Promise(() => undefined));
  } finally {
    await local.close();
  }
}

/** A VM by id or by name, in any case if that is enough to tell. */
export async function findVm(services: Services, nameOrId: string): Promise<VmSummary> {
  const vms = await services.library.list();
  const exact = vms.find((vm) => vm.id === nameOrId) ?? vms.find((vm) => vm.name === nameOrId);
  if (exact) return exact;
  const similar = vms.filter((vm) => vm.name.toLowerCase() === nameOrId.toLowerCase());
  if (similar.length === 1 && similar[0]) return similar[0];
  throw new UserError({
    code: 'no-such-vm',
    message: `There is no VM "${nameOrId}".`,
    hint:
      vms.length === 0
        ? 'Create one with "guesthouse create".'
        : `There are: ${vms.map((vm) => vm.name).join(', ')}.`,
  });
}
