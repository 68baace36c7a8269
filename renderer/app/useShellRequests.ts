import { useEffect, useRef } from 'react';
import { shellRequestSchema, type ShellRequest } from '../../shared/shell/shellRequest.ts';
import { useLibrary } from '../features/library/libraryStore.ts';
import { hostFile } from '../features/media/droppedFile.ts';
import { useDialogs } from './dialogStore.ts';

/** Hears what the desktop shell asks of this window, and nothing that has another shape. */
export function useShellRequests(act: (request: ShellRequest) => void): void {
  const latest = useRef(act);
  useEffect(() => {
    latest.current = act;
  });
  useEffect(
    () =>
      globalThis.guesthouse?.onRequest?.((request) => {
        const { data } = shellRequestSchema.safeParse(request);
        if (data) latest.current(data);
      }),
    [],
  );
}

/** What the manager's window does with them. */
export function managerRequest(request: ShellRequest): void {
  const { open } = useDialogs.getState();
  if (request.kind === 'openFiles') {
    const files = request.paths.map(hostFile);
    const bundle = files.find(({ name }) => /\.(guesthouse|ova|ovf|vbox)$/i.test(name));
    return open(
      bundle ? { kind: 'import', path: bundle.path } : { kind: 'dropped', files, vmId: undefined },
    );
  }
  if (request.kind !== 'command') return;
  switch (request.command) {
    case 'newVm':
    case 'import':
    case 'keys':
      return open({ kind: request.command });
    default:
      return useLibrary.getState().showPage(request.command);
  }
}
