import { useQuery } from '@tanstack/react-query';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { counterRows } from './counterRows.ts';
import { Card, Row } from './Details.tsx';

/** Counters of the engine and the devices of a running machine. */
export function ActivityCard({ vm }: { readonly vm: VmSummary }) {
  const { session } = useConnection();
  const { data } = useQuery({
    queryKey: ['counters', vm.id],
    queryFn: async () => ({ at: performance.now(), values: await session.counters(vm.id) }),
    refetchInterval: 2000,
    retry: false,
    gcTime: 0,
  });
  if (!data) return null;
  return (
    <Card title="Activity" vm={vm}>
      {counterRows(data.values).map(([name, text]) => (
        <Row key={name} name={name}>
          {text}
        </Row>
      ))}
    </Card>
  );
}
