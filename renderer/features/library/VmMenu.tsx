import Divider from '@mui/material/Divider';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import ListItemText from '@mui/material/ListItemText';
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
      {isLive(vm) ? item('show', 'Show') : item('start', 'Start')}
      {vm.state === 'paused' ? item('resume', 'Resume') : isLive(vm) && item('pause', 'Pause')}
      {isLive(vm) && item('reset', 'Reset…')}
      {isLive(vm) && item('shutDown', 'ACPI shutdown')}
      {isLive(vm) && item('powerOff', 'Power off…')}
      <Divider />
      {item('settings', 'Settings…')}
      {item('delete', 'Delete…')}
    </Menu>
  );
}
