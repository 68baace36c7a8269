import Album from '@mui/icons-material/AlbumOutlined';
import Keyboard from '@mui/icons-material/KeyboardOutlined';
import Lan from '@mui/icons-material/LanOutlined';
import Memory from '@mui/icons-material/MemoryOutlined';
import Monitor from '@mui/icons-material/MonitorOutlined';
import Mouse from '@mui/icons-material/MouseOutlined';
import Storage from '@mui/icons-material/StorageOutlined';
import Box from '@mui/material/Box';
import ButtonBase from '@mui/material/ButtonBase';
import Tooltip from '@mui/material/Tooltip';
import { useState, type ReactNode } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import type { SettingsCategory } from '../vmForm/SettingsDialog.tsx';
import { EntryMenu, type MenuEntries } from '../../components/EntryMenu.tsx';
import { t } from '../../i18n/i18n.ts';
import { percent, perSecond } from '../activity/words.ts';
import { useFigures } from '../activity/useFigures.ts';
import { isLive } from '../library/commands.ts';
import { useLibrary } from '../library/libraryStore.ts';
import { hostKeyName, hostKeys } from '../screen/hostKey.ts';
import { setScreenMode, useScreenActions } from '../screen/screenActions.ts';
import { screenModes } from '../screen/screenLayout.ts';
import { explainInOne } from '../notices/noticeStore.ts';
import { splitPath } from '../vmForm/vmDraft.ts';
import { ownVmId } from '../vmWindow/ownWindow.ts';
import { useDeviceEntries } from './useDeviceEntries.tsx';
import { useDevices } from './useDevices.ts';

const everyMs = 1000;

interface Shown {
  readonly name: string;
  readonly Icon: typeof Album;
  /** What the tooltip says besides the name, a line each. */
  readonly lines: readonly string[];
  /** Something is going on. */
  readonly busy?: boolean;
  /** There is none, or it is switched off. */
  readonly dim?: boolean;
  readonly text?: string;
  readonly entries: MenuEntries;
}

/** A machine's devices at a glance: what they are and do, and what can be changed about them. */
export function StatusBar(props: {
  readonly vm: VmSummary;
  /** Of the screen, which the console has not. */
  readonly pointer?: { readonly captured: boolean; readonly text: string };
}) {
  const { vm, pointer } = props;
  const devices = useDevices(vm);
  const entries = useDeviceEntries(vm, devices);
  const figures = useFigures(isLive(vm) ? [vm.id] : [], everyMs)
    .get(vm.id)
    ?.history.at(-1);
  const { mode, actions } = useScreenActions();
  const openDialog = useDialogs((store) => store.open);
  const { config, removable, adapters } = devices;
  if (!config) return null;
  const settings = (category: SettingsCategory) => ({
    word: t('menu.settings'),
    act: () => openDialog({ kind: 'settings', vmId: vm.id, category }),
  });
  const rates = (first: string, a: number | null, second: string, b: number | null): string[] =>
    a === null || b === null ? [] : [`${first} ${perSecond(a)}, ${second} ${perSecond(b)}`];
  const engine = vm.engine?.name ?? config.engine;
  const rate = (value: number | null | undefined): number => value ?? 0;

  const shown: Shown[] = [
    {
      name: t('status.disks'),
      Icon: Storage,
      lines: [
        ...config.disks.map(({ path }) => splitPath(path).name),
        ...rates(
          t('activity.read'),
          figures?.diskRead ?? null,
          t('activity.written'),
          figures?.diskWritten ?? null,
        ),
      ],
      busy: rate(figures?.diskRead) + rate(figures?.diskWritten) > 0,
      dim: config.disks.length === 0,
      entries: [settings('storage')],
    },
    {
      name: t('status.removable'),
      Icon: Album,
      lines: removable.map(({ name, path }) =>
        t('status.inDrive', {
          drive: name,
          medium: path === undefined ? t('details.empty') : splitPath(path).name,
        }),
      ),
      dim: removable.every(({ path }) => path === undefined),
      entries: [...entries.media, entries.media.length > 0 && 'divider', settings('storage')],
    },
    {
      name: t('networkPage.title'),
      Icon: Lan,
      lines: [
        ...adapters.map(({ network, connected }, index) =>
          t('status.inDrive', {
            drive: t('networkPage.adapter', { number: index + 1 }),
            medium: connected ? t(`networkPage.modes.${network.mode}`) : t('status.unplugged'),
          }),
        ),
        ...rates(
          t('activity.in'),
          figures?.netIn ?? null,
          t('activity.out'),
          figures?.netOut ?? null,
        ),
      ],
      busy: rate(figures?.netIn) + rate(figures?.netOut) > 0,
      dim: adapters.every(({ connected }) => !connected),
      entries: [
        ...entries.cables,
        ownVmId() === undefined && {
          word: t('status.networkPage'),
          act: () => useLibrary.getState().showPage('network'),
        },
      ],
    },
    {
      name: t('status.engine'),
      Icon: Memory,
      lines: [
        t(`system.engines.${engine}`),
        ...(vm.engine?.reason === undefined ? [] : [explainInOne({ message: vm.engine.reason })]),
        t('status.memory', { memory: config.memoryMiB, cpus: config.cpus }),
        ...(figures?.guestCpu == null
          ? []
          : [t('status.guestCpu', { percent: percent(figures.guestCpu) })]),
      ],
      text: t(`status.engines.${engine}`),
      dim: !isLive(vm),
      entries: [
        ...entries.engines,
        entries.engines.length > 0 && 'divider',
        ownVmId() === undefined && {
          word: t('activity.title'),
          act: () => useLibrary.getState().showTab('activity'),
        },
        settings('system'),
      ],
    },
  ];
  if (pointer && actions)
    shown.push(
      {
        name: t('settings.category.display'),
        Icon: Monitor,
        lines: [actions.size, t(`screen.mode.${mode}`, { hostKey: hostKeyName() })],
        entries: [
          ...screenModes.map((one) => ({
            word: t(`vmWindow.mode.${one}`),
            ...(one === 'scaled' && { key: hostKeys('scaled') }),
            checked: one === mode,
            act: () => setScreenMode(one),
          })),
          'divider' as const,
          {
            word: t('vmWindow.fullScreen'),
            key: hostKeys('fullScreen'),
            act: () => actions.command('fullScreen'),
          },
          {
            word: t('vmWindow.screenshot'),
            key: hostKeys('screenshot'),
            act: () => actions.command('screenshot'),
          },
        ],
      },
      {
        name: t('status.mouse'),
        Icon: Mouse,
        lines: [pointer.text],
        busy: pointer.captured,
        entries: [],
      },
      {
        name: t('status.keyboard'),
        Icon: Keyboard,
        lines: [t('status.hostKey', { hostKey: hostKeyName() })],
        text: hostKeyName(),
        entries: [
          {
            word: t('vmWindow.ctrlAltDelete'),
            key: hostKeys('ctrlAltDelete'),
            act: () => actions.command('ctrlAltDelete'),
          },
          { word: t('screen.paste'), act: () => actions.paste() },
          ownVmId() === undefined && {
            word: t('status.changeHostKey'),
            act: () => useLibrary.getState().showPage('preferences'),
          },
        ],
      },
    );
  return (
    <Box role="group" aria-label={t('status.name')} sx={{ display: 'flex', flexShrink: 0 }}>
      {shown.map((one) => (
        <Indicator key={one.name} {...one} />
      ))}
      {entries.chooser}
    </Box>
  );
}

function Indicator({ name, Icon, lines, busy, dim, text, entries }: Shown) {
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const tip: ReactNode = (
    <>
      <b>{name}</b>
      {lines.map((line, index) => (
        <Box key={index}>{line}</Box>
      ))}
    </>
  );
  const any = entries.some((entry) => entry !== false);
  return (
    <>
      <Tooltip title={tip}>
        <ButtonBase
          // Rates change every second: they are read when they are asked for, by the tooltip.
          aria-label={text === undefined ? name : `${name}: ${text}`}
          aria-description={lines.join('. ')}
          {...(any ? { 'aria-haspopup': 'menu', 'aria-expanded': anchor !== null } : {})}
          data-busy={busy === true}
          onClick={(event) => {
            if (any) setAnchor(event.currentTarget);
          }}
          sx={{
            px: 0.5,
            minWidth: 26,
            minHeight: 26,
            gap: 0.5,
            borderRadius: 1,
            fontFamily: 'inherit',
            fontSize: '0.72rem',
            fontWeight: 600,
            color: busy ? 'primary.main' : 'text.secondary',
            '&:hover': { bgcolor: 'action.hover' },
          }}
        >
          <Icon sx={{ fontSize: 18, opacity: dim ? 0.45 : 1 }} />
          {text}
        </ButtonBase>
      </Tooltip>
      {any && <EntryMenu label={name} {...{ entries, anchor }} onClose={() => setAnchor(null)} />}
    </>
  );
}
