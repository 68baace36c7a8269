import Add from '@mui/icons-material/AddCircleOutlined';
import ArrowDropDown from '@mui/icons-material/ArrowDropDown';
import ContentCopy from '@mui/icons-material/ContentCopyOutlined';
import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import DeleteSweep from '@mui/icons-material/DeleteSweepOutlined';
import LibraryAdd from '@mui/icons-material/LibraryAddOutlined';
import Pause from '@mui/icons-material/Pause';
import PlayArrow from '@mui/icons-material/PlayArrow';
import Power from '@mui/icons-material/PowerSettingsNew';
import RestartAlt from '@mui/icons-material/RestartAlt';
import Save from '@mui/icons-material/SaveOutlined';
import SettingsOutlined from '@mui/icons-material/SettingsOutlined';
import Stop from '@mui/icons-material/Stop';
import Terminal from '@mui/icons-material/Terminal';
import VisibilityOff from '@mui/icons-material/VisibilityOffOutlined';
import Box from '@mui/material/Box';
import Divider from '@mui/material/Divider';
import IconButton from '@mui/material/IconButton';
import ListItemIcon from '@mui/material/ListItemIcon';
import ListItemText from '@mui/material/ListItemText';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import Tooltip from '@mui/material/Tooltip';
import { useState } from 'react';
import { t } from '../../i18n/i18n.ts';
import { shortcutText } from '../../app/shortcuts.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import { CommandButton } from '../../components/CommandButton.tsx';
import { AppearanceMenu } from './AppearanceMenu.tsx';
import { isLive, whyNotAny, type CommandName } from './commands.ts';
import { targetsOf, useLibrary } from './libraryStore.ts';
import { useCommands } from './useCommands.ts';

export function Toolbar() {
  const vms = useLibrary((store) => store.vms);
  const marked = useLibrary((store) => store.marked);
  const targets = targetsOf({ vms, marked });
  const vm = targets.length === 1 ? targets[0] : undefined;
  const online = useLibrary((store) => store.connection.kind === 'open');
  const openDialog = useDialogs((store) => store.open);
  const run = useCommands();
  const [stopMenu, setStopMenu] = useState<HTMLElement | null>(null);
  const offline = online ? undefined : t('connection.none');
  const bind = (command: CommandName) => ({
    why: offline ?? whyNotAny(command, targets),
    onClick: () => run(command, targets),
  });
  const live = vm !== undefined && isLive(vm);
  const paused = targets.length > 0 && targets.every(({ state }) => state === 'paused');

  return (
    <Box
      role="toolbar"
      aria-label={t('toolbar.name')}
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
        label={t('command.new')}
        icon={<Add />}
        why={offline}
        tip={t('toolbar.newTip', { key: shortcutText('newVm') })}
        onClick={() => openDialog({ kind: 'newVm' })}
      />
      <CommandButton
        label={t('command.add')}
        icon={<LibraryAdd />}
        why={offline}
        tip={t('toolbar.addTip', { key: shortcutText('add') })}
        onClick={() => openDialog({ kind: 'import' })}
      />
      <CommandButton
        label={t('command.settings')}
        icon={<SettingsOutlined />}
        tip={t('toolbar.settingsTip', { key: shortcutText('settings') })}
        {...bind('settings')}
      />
      <CommandButton
        label={t('command.clone')}
        icon={<ContentCopy />}
        tip={t('toolbar.cloneTip', { key: shortcutText('clone') })}
        {...bind('clone')}
      />
      <CommandButton
        label={t('command.delete')}
        icon={<DeleteOutlined />}
        tip={t('toolbar.deleteTip')}
        {...bind('delete')}
      />
      <Divider orientation="vertical" flexItem sx={{ mx: 0.75, my: 1 }} />
      {live ? (
        <CommandButton
          label={t('command.show')}
          icon={<Terminal />}
          tip={t('toolbar.showTip')}
          {...bind('show')}
        />
      ) : (
        <>
          <CommandButton
            label={t('command.start')}
            icon={<PlayArrow />}
            tip={t('toolbar.startTip')}
            {...bind('start')}
          />
          <WaysToStart
            why={bind('start').why}
            onChoose={(headless) => run('start', targets, headless)}
          />
        </>
      )}
      {vm?.state === 'saved' ? (
        <CommandButton
          label={t('command.discardState')}
          icon={<DeleteSweep />}
          tip={t('toolbar.discardStateTip')}
          {...bind('discardState')}
        />
      ) : paused ? (
        <CommandButton
          label={t('command.resume')}
          icon={<PlayArrow />}
          tip={t('toolbar.resumeTip')}
          {...bind('resume')}
        />
      ) : (
        <CommandButton
          label={t('command.pause')}
          icon={<Pause />}
          tip={t('toolbar.pauseTip')}
          {...bind('pause')}
        />
      )}
      <CommandButton
        label={t('command.reset')}
        icon={<RestartAlt />}
        tip={t('toolbar.resetTip')}
        {...bind('reset')}
      />
      <CommandButton
        label={t('command.stop')}
        icon={
          <Box component="span" sx={{ display: 'flex', mr: -1.5 }}>
            <Stop />
            <ArrowDropDown sx={{ fontSize: 18, mt: 0.5 }} />
          </Box>
        }
        tip={t('toolbar.stopTip')}
        why={offline ?? whyNotAny('powerOff', targets)}
        aria-haspopup="menu"
        aria-expanded={stopMenu !== null}
        onClick={(event) => setStopMenu(event.currentTarget)}
      />
      <Menu anchorEl={stopMenu} open={stopMenu !== null} onClose={() => setStopMenu(null)}>
        <MenuCommand
          word={t('command.shutDown')}
          text={t('toolbar.shutDownTip')}
          why={whyNotAny('shutDown', targets)}
          icon={<Power fontSize="small" />}
          onChoose={() => {
            setStopMenu(null);
            run('shutDown', targets);
          }}
        />
        <MenuCommand
          word={t('command.saveState')}
          text={t('toolbar.saveStateTip')}
          why={whyNotAny('saveState', targets)}
          icon={<Save fontSize="small" />}
          onChoose={() => {
            setStopMenu(null);
            run('saveState', targets);
          }}
        />
        <MenuCommand
          word={t('command.powerOff')}
          text={t('toolbar.powerOffTip')}
          why={whyNotAny('powerOff', targets)}
          icon={<Stop fontSize="small" color="error" />}
          onChoose={() => {
            setStopMenu(null);
            run('powerOff', targets);
          }}
        />
      </Menu>
      <Box sx={{ flex: 1 }} />
      <AppearanceMenu />
    </Box>
  );
}

/** A command of a menu: word, what it does or why it cannot be given now. */
function MenuCommand(props: {
  readonly word: string;
  readonly text: string;
  readonly why?: string | undefined;
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

/** The arrow beside Start: whether the machine is shown, too. */
function WaysToStart(props: {
  readonly why: string | undefined;
  onChoose(headless: boolean): void;
}) {
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const off = props.why !== undefined;
  const choose = (headless: boolean) => {
    setAnchor(null);
    props.onChoose(headless);
  };
  return (
    <>
      <Tooltip title={props.why ?? t('toolbar.waysToStart')}>
        <IconButton
          size="small"
          aria-label={t('toolbar.waysToStart')}
          aria-haspopup="menu"
          aria-expanded={anchor !== null}
          aria-disabled={off}
          onClick={(event) => {
            if (!off) setAnchor(event.currentTarget);
          }}
          sx={{ ml: -1.5, p: 0.25, ...(off && { opacity: 0.45, cursor: 'default' }) }}
        >
          <ArrowDropDown sx={{ fontSize: 18 }} />
        </IconButton>
      </Tooltip>
      <Menu anchorEl={anchor} open={anchor !== null} onClose={() => setAnchor(null)}>
        <MenuCommand
          word={t('command.startNormal')}
          text={t('toolbar.startNormalTip')}
          icon={<PlayArrow fontSize="small" />}
          onChoose={() => choose(false)}
        />
        <MenuCommand
          word={t('command.startHeadless')}
          text={t('toolbar.startHeadlessTip')}
          icon={<VisibilityOff fontSize="small" />}
          onChoose={() => choose(true)}
        />
      </Menu>
    </>
  );
}
