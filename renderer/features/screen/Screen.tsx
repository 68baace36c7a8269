import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Typography from '@mui/material/Typography';
import { useCallback, useEffect, useRef, useState } from 'react';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { saveBlob } from '../files/saveBlob.ts';
import { isLive } from '../library/commands.ts';
import { report } from '../notices/noticeStore.ts';
import { GuestInput } from './guestInput.ts';
import { GuestScreen, type ScreenState } from './guestScreen.ts';
import { hostKeyName, type HostCommand } from './hostKey.ts';
import { grantScreenFocus, useScreenFocus } from './screenFocus.ts';
import { setScreenMode, useScreenActions } from './screenActions.ts';
import { layoutScreen } from './screenLayout.ts';
import { ScreenTools } from './ScreenTools.tsx';
import { isMachineCommand, useHostCommands } from './useHostCommands.ts';
import { useRoom } from './useRoom.ts';
import { StatusBar } from '../statusBar/StatusBar.tsx';

/** A window that is being dragged has many sizes. */
const resizeSettlesMs = 300;
const nothing: ScreenState = { width: 0, height: 0, pointer: 'relative', problem: undefined };

/** The machine's screen with its keyboard and pointer. */
export function Screen({ vm }: { readonly vm: VmSummary }) {
  const live = isLive(vm);
  return (
    <Box sx={{ display: 'flex', flexDirection: 'column', flex: 1, minHeight: 0 }}>
      {vm.state === 'paused' && (
        <Alert severity="warning" sx={{ borderRadius: 0, py: 0 }}>
          {t('state.pausedText', { name: vm.name })} {vm.reason} <b>{vm.hint}</b>
        </Alert>
      )}
      {live && vm.state !== 'starting' ? (
        <LiveScreen vm={vm} />
      ) : (
        <Box sx={{ flex: 1, display: 'grid', placeItems: 'center', bgcolor: '#0c1215' }}>
          <Typography sx={{ color: '#b8c4c9' }}>
            {vm.state === 'starting'
              ? t('screen.starting', { name: vm.name })
              : t('screen.off', { name: vm.name })}
          </Typography>
        </Box>
      )}
    </Box>
  );
}

function LiveScreen({ vm }: { readonly vm: VmSummary }) {
  const { session } = useConnection();
  const hostCommand = useHostCommands(vm);
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const screen = useRef<GuestScreen>(undefined);
  const input = useRef<GuestInput>(undefined);
  const [state, setState] = useState(nothing);
  const mode = useScreenActions((store) => store.mode);
  const [captured, setCaptured] = useState(false);
  const room = useRoom(frame);
  const wish = useScreenFocus((store) => store.wish);

  const saveScreenshot = useCallback(() => {
    screen.current?.png().then(
      (blob) => saveBlob(blob, `${vm.name}.png`),
      (error: unknown) => report(t('screen.screenshotFailed'), error),
    );
  }, [vm.name]);

  const command = (name: HostCommand): void => {
    if (isMachineCommand(name)) {
      if (name !== 'pause') input.current?.releasePointer();
      return hostCommand(name);
    }
    switch (name) {
      case 'fullScreen':
        return toggleFullScreen(frame.current);
      case 'scaled':
        return setScreenMode(mode === 'scaled' ? 'fit' : 'scaled');
      case 'screenshot':
        return saveScreenshot();
      case 'ctrlAltDelete':
        return input.current?.press(['ControlLeft', 'AltLeft', 'Delete']);
    }
  };
  const paste = (): void => {
    navigator.clipboard.readText().then(
      (text) => {
        canvas.current?.focus();
        void input.current?.type(text);
      },
      (error: unknown) => report(t('clipboard.failed'), error),
    );
  };
  // The listeners live as long as the canvas; what they call is of the last drawing.
  const latest = useRef({ command, paste });
  useEffect(() => {
    latest.current = { command, paste };
  });
  const size = state.width > 0 ? `${state.width} × ${state.height}` : '';
  useEffect(() => {
    useScreenActions.setState({
      actions: {
        command: (name) => latest.current.command(name),
        paste: () => latest.current.paste(),
        size,
      },
    });
    return () => useScreenActions.setState({ actions: undefined });
  }, [size]);

  useEffect(() => {
    const shown = new GuestScreen(canvas.current!, session, vm.id, setState);
    const devices = new GuestInput({
      element: canvas.current!,
      send: (events) => session.sendInput(vm.id, events),
      pointer: () => shown.state.pointer,
      command: (name) => latest.current.command(name),
      leave: () => document.getElementById('tab-screen')?.focus(),
      capturedChanged: setCaptured,
    });
    screen.current = shown;
    input.current = devices;
    return () => {
      shown.stop();
      devices.dispose();
    };
  }, [session, vm.id]);

  // A virtio graphics card tells its guest; with others, and before there is a guest, nothing comes of it.
  useEffect(() => {
    const [width, height] = [room.width, room.height].map((side) => Math.floor(side * room.ratio));
    if (width === undefined || height === undefined || width < 1 || height < 1) return;
    const timer = setTimeout(() => {
      session.setScreenSize(vm.id, width, height).catch(() => undefined);
    }, resizeSettlesMs);
    return () => clearTimeout(timer);
  }, [session, vm.id, room.width, room.height, room.ratio]);

  useEffect(() => {
    if (grantScreenFocus()) canvas.current?.focus();
  }, [wish]);

  const guest = { width: Math.max(1, state.width), height: Math.max(1, state.height) };
  const layout = layoutScreen(guest, room, mode, room.ratio);
  const centred = (outer: number, inner: number, start: number): number => {
    const offset = Math.max(0, (outer - inner) / 2) + start;
    return Math.round(offset * room.ratio) / room.ratio - start;
  };
  return (
    <>
      {state.problem !== undefined && (
        <Alert severity="info" sx={{ borderRadius: 0, py: 0 }}>
          {state.problem}
        </Alert>
      )}
      <Box
        ref={frame}
        data-testid="screen"
        sx={{
          position: 'relative',
          flex: 1,
          minHeight: 0,
          overflow: mode === 'actual' ? 'auto' : 'hidden',
          bgcolor: '#0c1215',
          outline: '2px solid transparent',
          outlineOffset: -2,
          '&:focus-within': { outlineColor: 'primary.main' },
        }}
      >
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label={t('screen.of', { name: vm.name })}
          aria-description={t('screen.leave', { hostKey: hostKeyName() })}
          style={{
            position: 'absolute',
            left: centred(room.width, layout.width, room.left),
            top: centred(room.height, layout.height, room.top),
            width: layout.width,
            height: layout.height,
            // Not hidden: it has the keyboard before there is a picture.
            opacity: state.width > 0 ? 1 : 0,
            imageRendering: layout.sharp ? 'pixelated' : 'auto',
            cursor: state.pointer === 'absolute' ? 'none' : 'default',
            outline: 'none',
            touchAction: 'none',
          }}
        />
      </Box>
      <ScreenTools
        mode={mode}
        status={[size, pointerText(state, captured)].filter(Boolean).join(' · ')}
        fullScreen={() => command('fullScreen')}
        ctrlAltDelete={() => command('ctrlAltDelete')}
        screenshot={saveScreenshot}
        paste={paste}
        indicators={
          <StatusBar vm={vm} pointer={{ captured, text: pointerText(state, captured) }} />
        }
      />
    </>
  );
}

function pointerText({ pointer }: ScreenState, captured: boolean): string {
  const hostKey = hostKeyName();
  if (captured) return t('screen.captured', { hostKey });
  return t(pointer === 'absolute' ? 'screen.absolute' : 'screen.relative', { hostKey });
}

function toggleFullScreen(element: HTMLElement | null): void {
  const failed = (error: unknown): void => report(t('screen.fullScreenFailed'), error);
  if (document.fullscreenElement) {
    document.exitFullscreen().catch(failed);
    return;
  }
  const keyboard = (navigator as { keyboard?: { lock?(): Promise<void> } }).keyboard;
  // With the keyboard locked, Alt+Tab and the like reach the guest; not every browser can.
  element?.requestFullscreen().then(() => keyboard?.lock?.().catch(() => undefined), failed);
}
