/**
 * Runs in the sandbox before the page: hands it the port to the services, and tells the paths of files that the person
 * dropped or chose. The services themselves are spoken over that port (shared/rpc), so nothing is wrapped here.
 */
import { contextBridge, ipcRenderer, webUtils, type IpcRendererEvent } from 'electron';
import { messageChannel, portChannel, requestChannel } from './bridge.ts';
import type { WindowMessage } from './windowMessage.ts';

ipcRenderer.on(portChannel, (event) => {
  window.postMessage(portChannel, window.location.origin, [...event.ports]);
});

const send = (message: WindowMessage): void => ipcRenderer.send(messageChannel, message);

contextBridge.exposeInMainWorld('guesthouse', {
  requestPort: (): void => send({ kind: 'requestPort' }),
  openVm: (vmId: string): void => send({ kind: 'openVm', vmId }),
  closeWindow: (): void => send({ kind: 'closeWindow' }),
  showManager: (): void => send({ kind: 'showManager' }),
  pathOf: (file: File): string => webUtils.getPathForFile(file),
  onRequest: (listener: (request: unknown) => void): (() => void) => {
    const hear = (_event: IpcRendererEvent, request: unknown): void => listener(request);
    ipcRenderer.on(requestChannel, hear);
    return () => void ipcRenderer.off(requestChannel, hear);
  },
});
