import { useQuery } from '@tanstack/react-query';
import type { AdapterStatus } from '../../../shared/net/networkStatus.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import type { MediumDrive } from '../../../shared/services/session.ts';
import type { VmConfig } from '../../../shared/vm/config.ts';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { useVmConfig } from '../details/useVmConfig.ts';
import { isLive } from '../library/commands.ts';

/** A drive whose medium can be changed. */
export interface Removable {
  readonly drive: MediumDrive;
  /** For people: "CD-ROM 1". */
  readonly name: string;
  readonly path: string | undefined;
}

export interface Devices {
  readonly config: VmConfig | undefined;
  readonly removable: readonly Removable[];
  /** Of a running machine. */
  readonly adapters: readonly AdapterStatus[];
}

/** What menus and indicators show of a machine's devices. */
export function useDevices(vm: VmSummary): Devices {
  const { session } = useConnection();
  const { data: config } = useVmConfig(vm);
  const { data: adapters } = useQuery({
    queryKey: ['network', vm.id],
    queryFn: () => session.networkStatus(vm.id),
    enabled: isLive(vm) && vm.state !== 'starting',
    refetchInterval: 2000,
    retry: false,
    gcTime: 0,
  });
  return { config, removable: config ? removableOf(config) : [], adapters: adapters ?? [] };
}

export function removableOf({ cdroms, floppies }: VmConfig): readonly Removable[] {
  return [
    ...cdroms.map(({ path }, index) => ({
      drive: { kind: 'cdrom' as const, index },
      name: t('storage.cdrom', { number: index + 1 }),
      path,
    })),
    ...floppies.map(({ path }, index) => ({
      drive: { kind: 'floppy' as const, index },
      name: t('storage.floppy', { number: index + 1 }),
      path,
    })),
  ];
}
