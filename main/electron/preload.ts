/**
 * Runs in the sandbox before the page: hands it the port to the services, and tells the paths of files that the person
 * dropped or chose. The services themselves are spoken over that port (shared/rpc), so nothing is wrapped here.
 */
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import { portChannel, requestPortChannel } from './bridge.ts';

ipcRenderer.on(portChannel, (event) => {
  window.postMessage(portChannel, window.location.origin, [...event.ports]);
});

contextBridge.exposeInMainWorld('guesthouse', {
  requestPort: (): void => ipcRenderer.send(requestPortChannel),
  pathOf: (file: File): string => webUtils.getPathForFile(file),
});
