import Add from '@mui/icons-material/AddCircleOutlined';
import ArrowDropDown from '@mui/icons-material/ArrowDropDown';
import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import Pause from '@mui/icons-material/Pause';
import PlayArrow from '@mui/icons-material/PlayArrow';
import Power from '@mui/icons-material/PowerSettingsNew';
import RestartAlt from '@mui/icons-material/RestartAlt';
import SettingsOutlined from '@mui/icons-material/SettingsOutlined';
import Stop from '@mui/icons-material/Stop';
import Terminal from '@mui/icons-material/Terminal';
import Box from '@mui/material/Box';
import Divider from '@mui/material/Divider';
import ListItemIcon from '@mui/material/ListItemIcon';
import ListItemText from '@mui/material/ListItemText';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import { useState } from 'react';
import { shortcutText } from '../../app/shortcuts.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import { CommandButton } from '../../components/CommandButton.tsx';
import { isLive, whyNot, type CommandName } from './commands.ts';
import { useLibrary, useSelectedVm } from './libraryStore.ts';
import { ThemeMenu } from './ThemeMenu.tsx';
import { useCommands } from './useCommands.ts';

export function Toolbar() {
  const vm = useSelectedVm();
  const online = useLibrary((store) => store.connection.kind === 'open');
  const openDialog = useDialogs((store) => store.open);
  const run = useCommands();
  const [stopMenu, setStopMenu] = useState<HTMLElement | null>(null);
  const offline = online ? undefined : 'There is no connection to the machine manager';
  const bind = (command: CommandName) => ({
    why: offline ?? whyNot(command, vm),
    onClick: () => run(command, vm),
  });
  const live = vm !== undefined && isLive(vm);

  return (
    <Box
      role="toolbar"
      aria-label="Machine"
      sx={{
        display: 'flex',
        alignItems: 'center',
        gap: 0.25,
        px: 1,
        py: 0.5,
        borderBottom: 1,
        borderColor: 'divider',
        bgcolor: 'background.paper',
      }}
    >
      <CommandButton
        label="New"
        icon={<Add />}
        why={offline}
        tip={`Create a machine (${shortcutText('newVm')})`}
        onClick={() => openDialog({ kind: 'newVm' })}
      />
      <CommandButton
        label="Settings"
        icon={<SettingsOutlined />}
        tip={`Change the machine (${shortcutText('settings')})`}
        {...bind('settings')}
      />
      <CommandButton
        label="Delete"
        icon={<DeleteOutlined />}
        tip="Remove the machine"
        {...bind('delete')}
      />
      <Divider orientation="vertical" flexItem sx={{ mx: 0.75, my: 1 }} />
      {live ? (
        <CommandButton label="Show" icon={<Terminal />} tip="Go to its console" {...bind('show')} />
      ) : (
        <CommandButton
          label="Start"
          icon={<PlayArrow />}
          tip="Switch the machine on (Enter in the list)"
          {...bind('start')}
        />
      )}
      {vm?.state === 'paused' ? (
        <CommandButton
          label="Resume"
          icon={<PlayArrow />}
          tip="Let the machine run on"
          {...bind('resume')}
        />
      ) : (
        <CommandButton
          label="Pause"
          icon={<Pause />}
          tip="Let the machine stand still"
          {...bind('pause')}
        />
      )}
      <CommandButton
        label="Reset"
        icon={<RestartAlt />}
        tip="Start the guest anew, like the reset button"
        {...bind('reset')}
      />
      <CommandButton
        label="Stop"
        icon={
          <Box component="span" sx={{ display: 'flex', mr: -1.5 }}>
            <Stop />
            <ArrowDropDown sx={{ fontSize: 18, mt: 0.5 }} />
          </Box>
        }
        tip="Shut down or power off"
        why={offline ?? whyNot('powerOff', vm)}
        aria-haspopup="menu"
        aria-expanded={stopMenu !== null}
        onClick={(event) => setStopMenu(event.currentTarget)}
      />
      <Menu anchorEl={stopMenu} open={stopMenu !== null} onClose={() => setStopMenu(null)}>
        <StopItem
          command="shutDown"
          word="ACPI shutdown"
          text="Presses the power button; the guest shuts itself down"
          why={whyNot('shutDown', vm)}
          icon={<Power fontSize="small" />}
          onChoose={() => {
            setStopMenu(null);
            run('shutDown', vm);
          }}
        />
        <StopItem
          command="powerOff"
          word="Power off"
          text="Pulls the plug; unwritten data is lost"
          why={whyNot('powerOff', vm)}
          icon={<Stop fontSize="small" color="error" />}
          onChoose={() => {
            setStopMenu(null);
            run('powerOff', vm);
          }}
        />
      </Menu>
      <Box sx={{ flex: 1 }} />
      <ThemeMenu />
    </Box>
  );
}

function StopItem(props: {
  readonly command: CommandName;
  readonly word: string;
  readonly text: string;
  readonly why: string | undefined;
  readonly icon: React.ReactNode;
  onChoose(): void;
}) {
  const off = props.why !== undefined;
  return (
    <MenuItem
      aria-disabled={off}
      onClick={() => {
        if (!off) props.onChoose();
      }}
      sx={off ? { opacity: 0.55, cursor: 'default' } : undefined}
    >
      <ListItemIcon>{props.icon}</ListItemIcon>
      <ListItemText primary={props.word} secondary={props.why ?? props.text} />
    </MenuItem>
  );
}
