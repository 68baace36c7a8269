/** What the tray's and macOS's menus hold; pure, so that it is tested without Electron. */
import type { MenuItemConstructorOptions } from 'electron';
import type { VmSummary } from '../../shared/services/library.ts';
import type { ShellRequest } from '../../shared/shell/shellRequest.ts';
import { filled, type ShellTexts } from './shellTexts.ts';

type Command = (ShellRequest & { kind: 'command' })['command'];

export interface TrayActs {
  showManager(): void;
  showVm(vmId: string): void;
  act(what: 'pause' | 'resume' | 'shutDown', vmId: string): void;
  quit(): void;
}

const isLive = ({ state }: VmSummary): boolean =>
  !['poweredOff', 'saved', 'aborted'].includes(state);

/** Machines that are on, with what can be done about them. */
export function trayMenu(
  vms: readonly VmSummary[],
  texts: ShellTexts['tray'],
  acts: TrayActs,
): MenuItemConstructorOptions[] {
  const live = vms.filter(isLive);
  return [
    { label: texts.show, click: () => acts.showManager() },
    { type: 'separator' },
    ...(live.length === 0 ? [{ label: texts.none, enabled: false }] : []),
    ...live.map(({ id, name, state }) => ({
      // An ampersand would underline the letter after it.
      label: name.replaceAll('&', '&&'),
      submenu: [
        { label: texts.showVm, click: () => acts.showVm(id) },
        state === 'paused'
          ? { label: texts.resume, click: () => acts.act('resume', id) }
          : {
              label: texts.pause,
              enabled: state === 'running',
              click: () => acts.act('pause', id),
            },
        {
          label: texts.shutDown,
          enabled: state === 'running',
          click: () => acts.act('shutDown', id),
        },
      ],
    })),
    { type: 'separator' },
    { label: texts.quit, click: () => acts.quit() },
  ];
}

export function trayTip(vms: readonly VmSummary[], texts: ShellTexts['tray']): string {
  const count = vms.filter(isLive).length;
  return count === 0 ? texts.tip : filled(texts.runningTip, { count });
}

/** macOS's menu bar. Other systems have none: the window has its toolbar. */
export function macMenu(
  texts: ShellTexts['menu'],
  command: (command: Command) => void,
): MenuItemConstructorOptions[] {
  const item = (
    name: Command,
    label: string,
    accelerator?: string,
  ): MenuItemConstructorOptions => ({
    label,
    ...(accelerator && { accelerator }),
    click: () => command(name),
  });
  return [
    {
      role: 'appMenu',
      submenu: [
        { role: 'about' },
        { type: 'separator' },
        item('preferences', texts.preferences, 'Cmd+,'),
        { type: 'separator' },
        { role: 'services' },
        { type: 'separator' },
        { role: 'hide' },
        { role: 'hideOthers' },
        { role: 'unhide' },
        { type: 'separator' },
        { role: 'quit' },
      ],
    },
    {
      label: texts.file,
      submenu: [
        item('newVm', texts.newVm, 'Cmd+N'),
        item('import', texts.import),
        { type: 'separator' },
        { role: 'close' },
      ],
    },
    { role: 'editMenu' },
    {
      label: texts.tools,
      submenu: [item('media', texts.media, 'Cmd+D'), item('network', texts.network)],
    },
    { role: 'windowMenu' },
    { role: 'help', label: texts.help, submenu: [item('keys', texts.keys)] },
  ];
}
