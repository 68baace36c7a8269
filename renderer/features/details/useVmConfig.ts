import { useQuery } from '@tanstack/react-query';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';

/** The machine's configuration; refreshed with the list, which the CLI's changes refresh too. */
export function useVmConfig(vm: VmSummary) {
  const { library } = useConnection();
  return useQuery({
    queryKey: ['vm', vm.id],
    queryFn: () => library.get(vm.id),
    enabled: !vm.unusable,
    retry: false,
  });
}
