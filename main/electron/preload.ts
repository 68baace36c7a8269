/**
 * Runs in the sandbox before the page: hands it one function, and the port that comes of it. The
 * services themselves are spoken over that port (shared/rpc), so nothing is wrapped here.
 */
import { contextBridge, ipcRenderer } from 'electron';
import { portChannel, requestPortChannel } from './bridge.ts';

ipcRenderer.on(portChannel, (event) => {
  window.postMessage(portChannel, window.location.origin, [...event.ports]);
});

contextBridge.exposeInMainWorld('guesthouse', {
  requestPort: (): void => ipcRenderer.send(requestPortChannel),
});
