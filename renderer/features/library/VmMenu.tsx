import Divider from '@mui/material/Divider';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import ListItemText from '@mui/material/ListItemText';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { isLive, whyNot, type CommandName } from './commands.ts';
import { useCommands } from './useCommands.ts';

/** The context menu of a machine in the list: the toolbar's commands at hand. */
export function VmMenu(props: {
  readonly vm: VmSummary;
  readonly at: { readonly left: number; readonly top: number };
  onClose(): void;
}) {
  const { vm, at, onClose } = props;
  const run = useCommands();
  const item = (command: CommandName, word: string) => {
    const why = whyNot(command, vm);
    return (
      <MenuItem
        key={command}
        dense
        aria-disabled={why !== undefined}
        sx={why === undefined ? undefined : { opacity: 0.55, cursor: 'default' }}
        onClick={() => {
          if (why !== undefined) return;
          onClose();
          run(command, vm);
        }}
      >
        <ListItemText primary={word} secondary={why} />
      </MenuItem>
    );
  };
  return (
    <Menu
      open
      onClose={onClose}
      anchorReference="anchorPosition"
      anchorPosition={at}
      slotProps={{ list: { 'aria-label': vm.name } }}
    >
      {isLive(vm) ? item('show', t('command.show')) : item('start', t('command.start'))}
      {vm.state === 'paused'
        ? item('resume', t('command.resume'))
        : isLive(vm) && item('pause', t('command.pause'))}
      {isLive(vm) && item('reset', t('menu.reset'))}
      {isLive(vm) && item('shutDown', t('command.shutDown'))}
      {isLive(vm) && item('powerOff', t('menu.powerOff'))}
      <Divider />
      {item('settings', t('menu.settings'))}
      {item('delete', t('menu.delete'))}
    </Menu>
  );
}
