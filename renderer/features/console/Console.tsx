import '@xterm/xterm/css/xterm.css';
import ClearAll from '@mui/icons-material/ClearAll';
import ContentCopy from '@mui/icons-material/ContentCopy';
import ContentPaste from '@mui/icons-material/ContentPaste';
import PlayArrow from '@mui/icons-material/PlayArrow';
import RecordVoiceOver from '@mui/icons-material/RecordVoiceOver';
import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { hostKeyName } from '../screen/hostKey.ts';
import { isMachineCommand, useHostCommands } from '../screen/useHostCommands.ts';
import { StatusBar } from '../statusBar/StatusBar.tsx';
import { isLive, whyNot } from '../library/commands.ts';
import { useLibrary } from '../library/libraryStore.ts';
import { useCommands } from '../library/useCommands.ts';
import { grantConsoleFocus, useConsoleFocus } from './consoleFocus.ts';
import { screenReaderWanted, setScreenReader, terminalOf } from './serialTerminal.ts';

/** The machine's first serial port, live both ways. */
export function Console({ vm }: { readonly vm: VmSummary }) {
  const connection = useConnection();
  const epoch = useLibrary(({ connection: { kind }, connection: state }) =>
    kind === 'open' && 'epoch' in state ? state.epoch : undefined,
  );
  const wish = useConsoleFocus((store) => store.wish);
  const run = useCommands();
  const hostCommand = useHostCommands(vm);
  const container = useRef<HTMLDivElement>(null);
  const [hasSelection, setHasSelection] = useState(false);
  const [spoken, setSpoken] = useState(screenReaderWanted);
  const serial = terminalOf(connection, vm.id);
  const live = isLive(vm);

  useEffect(() => {
    serial.mount(container.current!);
    const observer = new ResizeObserver(() => serial.fit());
    observer.observe(container.current!);
    const selection = serial.terminal.onSelectionChange(() =>
      setHasSelection(serial.terminal.hasSelection()),
    );
    setHasSelection(serial.terminal.hasSelection());
    return () => {
      observer.disconnect();
      selection.dispose();
      serial.unmount();
    };
  }, [serial]);

  useEffect(() => {
    serial.onLeave = () => document.getElementById('tab-console')?.focus();
  }, [serial]);
  useEffect(() => {
    serial.onCommand = (command) => {
      if (isMachineCommand(command)) hostCommand(command);
    };
  });

  useEffect(() => {
    if (epoch !== undefined) serial.follow(vm.state, epoch);
  }, [serial, vm.state, epoch]);

  useEffect(() => {
    if (grantConsoleFocus()) serial.terminal.focus();
  }, [serial, wish]);

  return (
    <Box sx={{ display: 'flex', flexDirection: 'column', flex: 1, minHeight: 0 }}>
      {vm.state === 'paused' && (
        <Alert severity="warning" sx={{ borderRadius: 0, py: 0 }}>
          {t('state.pausedText', { name: vm.name })} {vm.reason} <b>{vm.hint}</b>
        </Alert>
      )}
      {!live && (
        <Alert
          severity={vm.state === 'aborted' ? 'error' : 'info'}
          variant="standard"
          sx={{ borderRadius: 0, py: 0, alignItems: 'center' }}
          action={
            whyNot('start', vm) === undefined && (
              <Button
                size="small"
                color="inherit"
                startIcon={<PlayArrow />}
                onClick={() => run('start', vm)}
              >
                {t('command.start')}
              </Button>
            )
          }
        >
          {vm.state === 'aborted'
            ? t('state.abortedText', { name: vm.name })
            : t('state.offText', { name: vm.name })}{' '}
          {vm.reason}
        </Alert>
      )}
      <Box
        ref={container}
        data-testid="console"
        sx={{
          flex: 1,
          minHeight: 0,
          bgcolor: '#0c1215',
          p: 0.75,
          pr: 0,
          border: 2,
          borderColor: 'transparent',
          '&:focus-within': { borderColor: 'primary.main' },
          '& .xterm :focus-visible': { outline: 'none' },
        }}
      />
      <Box
        sx={{
          display: 'flex',
          alignItems: 'center',
          gap: 0.5,
          px: 1.5,
          py: 0.25,
          borderTop: 1,
          borderColor: 'divider',
          bgcolor: 'background.paper',
        }}
      >
        <Typography noWrap variant="caption" sx={{ color: 'text.secondary', flex: 1 }}>
          {t('console.status', { hostKey: hostKeyName() })}
        </Typography>
        <StatusBar vm={vm} />
        <Tool
          label={t('console.screenReader')}
          why={undefined}
          pressed={spoken}
          tip={t('console.screenReaderTip')}
          icon={<RecordVoiceOver fontSize="small" />}
          act={() => {
            setScreenReader(!spoken);
            setSpoken(!spoken);
          }}
        />
        <Tool
          label={t('console.copy')}
          why={hasSelection ? undefined : t('console.selectFirst')}
          tip={t('console.copyTip')}
          icon={<ContentCopy fontSize="small" />}
          act={() => serial.copy()}
        />
        <Tool
          label={t('console.paste')}
          why={live ? undefined : t('console.notRunning')}
          tip={t('console.pasteTip')}
          icon={<ContentPaste fontSize="small" />}
          act={() => void serial.paste().then(() => serial.terminal.focus())}
        />
        <Tool
          label={t('console.clear')}
          why={undefined}
          tip={t('console.clearTip')}
          icon={<ClearAll fontSize="small" />}
          act={() => serial.terminal.clear()}
        />
      </Box>
    </Box>
  );
}

function Tool(props: {
  readonly label: string;
  readonly why: string | undefined;
  readonly tip: string;
  readonly pressed?: boolean;
  readonly icon: ReactNode;
  act(): void;
}) {
  const off = props.why !== undefined;
  return (
    <Tooltip title={props.why ?? props.tip}>
      <IconButton
        size="small"
        aria-label={props.label}
        aria-disabled={off}
        aria-pressed={props.pressed}
        color={props.pressed ? 'primary' : 'default'}
        sx={off ? { opacity: 0.4, cursor: 'default' } : undefined}
        onClick={() => {
          if (!off) props.act();
        }}
      >
        {props.icon}
      </IconButton>
    </Tooltip>
  );
}
