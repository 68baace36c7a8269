import { useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import type { EngineName } from '../../../shared/vm/engines.ts';
import type { MenuEntries, MenuEntry } from '../../components/EntryMenu.tsx';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { FileChooser } from '../files/FileChooser.tsx';
import { report } from '../notices/noticeStore.ts';
import { splitPath } from '../vmForm/vmDraft.ts';
import type { Devices, Removable } from './useDevices.ts';

export interface DeviceEntries {
  readonly media: MenuEntries;
  readonly cables: MenuEntries;
  /** Where a running machine can move to. */
  readonly engines: MenuEntries;
  /** The file chooser, while one is open: to be drawn beside the menu. */
  readonly chooser: ReactNode;
}

/** Entries of menus that change media and plug cables. */
export function useDeviceEntries(vm: VmSummary, { removable, adapters }: Devices): DeviceEntries {
  const { session } = useConnection();
  const queries = useQueryClient();
  const [choosing, setChoosing] = useState<Removable>();
  const put = ({ drive, name }: Removable, path: string | null): void => {
    session
      .changeMedium(vm.id, drive, path)
      .catch((error: unknown) => report(t('medium.failed', { drive: name, name: vm.name }), error));
  };
  const plug = (index: number, connected: boolean): void => {
    session
      .changeAdapter(vm.id, index, { connected })
      .then(() => queries.invalidateQueries({ queryKey: ['network', vm.id] }))
      .catch((error: unknown) => report(t('networkPage.failed', { name: vm.name }), error));
  };
  const media = removable.flatMap((one): MenuEntry[] => [
    { word: t('status.insert', { drive: one.name }), act: () => setChoosing(one) },
    {
      word:
        one.path === undefined
          ? t('status.eject', { drive: one.name })
          : t('status.ejectOf', { drive: one.name, file: splitPath(one.path).name }),
      why: one.path === undefined ? t('status.noMedium') : undefined,
      act: () => put(one, null),
    },
  ]);
  const cables = adapters.map(({ connected }, index) => ({
    word: t('status.cable', { adapter: t('networkPage.adapter', { number: index + 1 }) }),
    checked: connected,
    act: () => plug(index, !connected),
  }));
  const move = (engine: EngineName): void => {
    session
      .switchEngine(vm.id, engine)
      .catch((error: unknown) => report(t('status.moveFailed', { name: vm.name }), error));
  };
  const engines = (vm.engine === undefined ? [] : (['translator', 'kvm'] as const)).map((one) => ({
    word: t('status.moveTo', { engine: t(`system.engines.${one}`) }),
    checked: vm.engine?.name === one,
    act: () => move(one),
  }));
  const chooser = choosing && (
    <FileChooser
      title={t('path.chooserTitle', { what: choosing.name })}
      start={choosing.path === undefined ? '' : splitPath(choosing.path).folder}
      onClose={() => setChoosing(undefined)}
      onChoose={(path) => {
        setChoosing(undefined);
        put(choosing, path);
      }}
    />
  );
  return { media, cables, engines, chooser };
}
