import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { create } from 'zustand';
import type { SnapshotInfo, SnapshotTree } from '../../../shared/services/snapshots.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { report } from '../notices/noticeStore.ts';

type Work = 'take' | 'restore' | 'delete' | 'change';

/** What is being done with the snapshots of which machine: it goes on when another tab is shown. */
export const useSnapshotWork = create<{ readonly work: ReadonlyMap<string, Work> }>(() => ({
  work: new Map(),
}));

const setWork = (id: string, work: Work | undefined): void =>
  useSnapshotWork.setState((before) => {
    const after = new Map(before.work);
    if (work) after.set(id, work);
    else after.delete(id);
    return { work: after };
  });

/** Read anew with every change of the list, as configurations are. */
export function useSnapshots(vm: VmSummary) {
  const { snapshots } = useConnection();
  return useQuery({
    queryKey: ['vm', vm.id, 'snapshots'],
    queryFn: () => snapshots.list(vm.id),
    retry: false,
  });
}

export interface SnapshotActions {
  take(): void;
  restore(snapshot: SnapshotInfo): void;
  edit(snapshot: SnapshotInfo): void;
  remove(snapshot: SnapshotInfo): void;
}

/** Each asks first. */
export function useSnapshotActions(vm: VmSummary, tree: SnapshotTree | undefined): SnapshotActions {
  const { snapshots } = useConnection();
  const queries = useQueryClient();
  return useMemo(() => {
    const { open } = useDialogs.getState();
    /** Shows that it goes on; rejects with the reason if it fails. */
    const watch = async (work: Work, act: () => Promise<unknown>): Promise<void> => {
      setWork(vm.id, work);
      try {
        await act();
      } finally {
        setWork(vm.id, undefined);
        await queries.invalidateQueries({ queryKey: ['vm', vm.id] });
      }
    };
    const attempt = (work: Work, act: () => Promise<unknown>): void =>
      void watch(work, act).catch((error: unknown) =>
        report(t(`snapshots.failed.${work}`, { name: vm.name }), error),
      );
    return {
      take: () =>
        open({
          kind: 'snapshot',
          title: t('snapshots.takeTitle', { name: vm.name }),
          action: t('snapshots.take'),
          name: t('snapshots.newName', { number: (tree?.snapshots.length ?? 0) + 1 }),
          description: '',
          act: (text) => attempt('take', () => snapshots.take(vm.id, text)),
        }),
      edit: ({ id, name, description }) =>
        open({
          kind: 'snapshot',
          title: t('snapshots.editTitle', { name }),
          action: t('action.ok'),
          ...{ name, description },
          act: (text) => attempt('change', () => snapshots.change(vm.id, id, text)),
        }),
      restore: ({ id, name }) =>
        open({
          kind: 'confirm',
          question: {
            title: t('snapshots.restoreTitle', { name }),
            text: t('snapshots.restoreText'),
            action: t('snapshots.restore'),
            option: { label: t('snapshots.restoreKeep'), chosen: true },
            act: (keep) =>
              attempt('restore', async () => {
                const kept = t('snapshots.keptName', { name }).slice(0, 100);
                if (keep) await snapshots.take(vm.id, { name: kept });
                await snapshots.restore(vm.id, id);
              }),
          },
        }),
      remove: ({ id, name }) =>
        open({
          kind: 'confirm',
          question: {
            title: t('snapshots.deleteTitle', { name }),
            text: t('snapshots.deleteText'),
            action: t('snapshots.delete'),
            act: () => attempt('delete', () => snapshots.delete(vm.id, id)),
          },
        }),
    };
  }, [queries, snapshots, tree, vm.id, vm.name]);
}
