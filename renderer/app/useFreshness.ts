import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { VmSummary } from '../../shared/services/library.ts';
import { keepTerminals } from '../features/console/serialTerminal.ts';
import { stateWord } from '../features/library/StateLabel.tsx';
import { t } from '../i18n/i18n.ts';

/** Configurations are read anew with every change of the list; terminals of deleted machines go. */
export function useFreshness(vms: readonly VmSummary[] | undefined): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!vms) return;
    void queries.invalidateQueries({ queryKey: ['vm'] });
    keepTerminals(new Set(vms.map(({ id }) => id)));
  }, [queries, vms]);
}

/** Tells windows and browser tabs apart. */
export function useTitle(vm: VmSummary | undefined): void {
  useEffect(() => {
    document.title = vm ? t('app.titleOf', { name: vm.name, state: stateWord(vm) }) : t('app.name');
  }, [vm]);
}
