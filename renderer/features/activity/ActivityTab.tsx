import Box from '@mui/material/Box';
import Paper from '@mui/material/Paper';
import Typography from '@mui/material/Typography';
import type { VmSummary } from '../../../shared/services/library.ts';
import { t } from '../../i18n/i18n.ts';
import { isLive } from '../library/commands.ts';
import { counterRows } from './counterRows.ts';
import { Graph } from './Graph.tsx';
import { useFigures } from './useFigures.ts';
import { percent, perSecond, short, size } from './words.ts';

const everyMs = 1000;

/** A machine's live graphs, and every counter of its engine and devices. */
export function ActivityTab({ vm }: { readonly vm: VmSummary }) {
  const live = isLive(vm);
  const watched = useFigures(live ? [vm.id] : [], everyMs).get(vm.id);
  if (!live)
    return (
      <Typography sx={{ p: 3, color: 'text.secondary' }}>
        {t('activity.off', { name: vm.name })}
      </Typography>
    );
  const history = watched?.history ?? [];
  return (
    <Box tabIndex={0} sx={{ p: 2, overflowY: 'auto', minHeight: 0, outlineOffset: -3 }}>
      <Box
        sx={{
          display: 'grid',
          gap: 2,
          gridTemplateColumns: 'repeat(auto-fill, minmax(min(100%, 330px), 1fr))',
        }}
      >
        <Graph
          title={t('activity.cpu')}
          {...{ history, word: percent, atLeast: 100 }}
          lines={[
            { name: t('activity.guest'), of: (one) => one.guestCpu },
            { name: t('activity.process'), of: (one) => one.hostCpu },
          ]}
        />
        <Graph
          title={t('activity.memory')}
          {...{ history, word: size }}
          lines={[{ name: t('activity.resident'), of: (one) => one.memory }]}
        />
        <Graph
          title={t('activity.disk')}
          {...{ history, word: perSecond, atLeast: 1024 }}
          lines={[
            { name: t('activity.read'), of: (one) => one.diskRead },
            { name: t('activity.written'), of: (one) => one.diskWritten },
          ]}
        />
        <Graph
          title={t('activity.network')}
          {...{ history, word: perSecond, atLeast: 1024 }}
          lines={[
            { name: t('activity.in'), of: (one) => one.netIn },
            { name: t('activity.out'), of: (one) => one.netOut },
          ]}
        />
        <Graph
          title={t('activity.exits')}
          {...{ history, word: short }}
          lines={[
            { name: t('activity.ports'), of: (one) => one.portAccesses },
            { name: t('activity.mmio'), of: (one) => one.mmioAccesses },
          ]}
        />
        <Graph
          title={t('activity.speed')}
          {...{ history, word: short }}
          lines={[{ name: t('activity.mips'), of: (one) => one.mips }]}
        />
        <Graph
          title={t('activity.translation')}
          {...{ history, word: percent, atLeast: 100 }}
          lines={[{ name: t('activity.translated'), of: (one) => one.translated }]}
        />
        <Graph
          title={t('activity.interrupts')}
          {...{ history, word: short }}
          lines={[{ name: t('activity.taken'), of: (one) => one.interrupts }]}
        />
      </Box>
      {watched?.last && (
        <Paper
          variant="outlined"
          component="section"
          aria-label={t('activity.counters')}
          sx={{ p: 2, mt: 2 }}
        >
          <Typography variant="h2" sx={{ mb: 1 }}>
            {t('activity.counters')}
          </Typography>
          <Box
            component="dl"
            sx={{
              ...{ m: 0, columns: '4 260px', fontSize: '0.82rem' },
              fontVariantNumeric: 'tabular-nums',
            }}
          >
            {counterRows(watched.last).map(({ name, total }) => (
              <Box key={name} sx={{ display: 'flex', gap: 1, justifyContent: 'space-between' }}>
                <Box component="dt" sx={{ color: 'text.secondary' }}>
                  {name}
                </Box>
                <Box component="dd" sx={{ m: 0 }}>
                  {total}
                </Box>
              </Box>
            ))}
          </Box>
        </Paper>
      )}
    </Box>
  );
}
