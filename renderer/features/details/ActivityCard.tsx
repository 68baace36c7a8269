import Box from '@mui/material/Box';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { counterRows, type CounterSample } from './counterRows.ts';
import { Card, Row } from './Details.tsx';

/** Counters of the engine and the devices of a running machine, with their rates. */
export function ActivityCard({ vm }: { readonly vm: VmSummary }) {
  const { session } = useConnection();
  const { data: now } = useQuery({
    queryKey: ['counters', vm.id],
    queryFn: async (): Promise<CounterSample> => ({
      values: await session.counters(vm.id),
      at: performance.now(),
    }),
    refetchInterval: 2000,
    retry: false,
    gcTime: 0,
    structuralSharing: false,
  });
  const [samples, setSamples] = useState<{ now?: CounterSample; before?: CounterSample }>({});
  if (now && now !== samples.now) setSamples(samples.now ? { now, before: samples.now } : { now });
  if (!now) return null;
  return (
    <Card title={t('activity.title')} vm={vm}>
      {counterRows(now, samples.before).map(({ name, total, rate }) => (
        <Row key={name} name={name}>
          <Box sx={{ display: 'flex', fontVariantNumeric: 'tabular-nums' }}>
            <span style={{ flex: '0 1 9em' }}>{total}</span>
            <Box component="span" sx={{ color: 'text.secondary' }}>
              {rate}
            </Box>
          </Box>
        </Row>
      ))}
    </Card>
  );
}
