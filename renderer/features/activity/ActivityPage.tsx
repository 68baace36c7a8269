import Box from '@mui/material/Box';
import Link from '@mui/material/Link';
import Paper from '@mui/material/Paper';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableContainer from '@mui/material/TableContainer';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import Typography from '@mui/material/Typography';
import { SparkLineChart } from '@mui/x-charts/SparkLineChart';
import type { VmSummary } from '../../../shared/services/library.ts';
import { t } from '../../i18n/i18n.ts';
import { isLive } from '../library/commands.ts';
import { useLibrary } from '../library/libraryStore.ts';
import { StateLabel } from '../library/StateLabel.tsx';
import type { Figures } from './rates.ts';
import { useFigures } from './useFigures.ts';
import { percent, perSecond, short, size } from './words.ts';

const everyMs = 2000;
const sum = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : a + b;

const columns = [
  { name: 'cpu', of: (one: Figures) => one.hostCpu, word: percent, graph: true },
  { name: 'memory', of: (one: Figures) => one.memory, word: size, graph: false },
  {
    name: 'disk',
    of: (one: Figures) => sum(one.diskRead, one.diskWritten),
    word: perSecond,
    graph: true,
  },
  {
    name: 'network',
    of: (one: Figures) => sum(one.netIn, one.netOut),
    word: perSecond,
    graph: true,
  },
  { name: 'speed', of: (one: Figures) => one.mips, word: short, graph: false },
] as const;

/** What all machines that run are doing. */
export function ActivityPage() {
  const vms = useLibrary((store) => store.vms) ?? [];
  const live = vms.filter(isLive);
  const watched = useFigures(
    live.map(({ id }) => id),
    everyMs,
  );
  return (
    <Box tabIndex={0} sx={{ p: 2, overflowY: 'auto', minHeight: 0, outlineOffset: -3 }}>
      <Typography variant="h1" sx={{ mb: 2 }}>
        {t('activity.title')}
      </Typography>
      {live.length === 0 ? (
        <Typography sx={{ color: 'text.secondary' }}>{t('activity.none')}</Typography>
      ) : (
        <TableContainer component={Paper} variant="outlined">
          <Table size="small" aria-label={t('activity.title')}>
            <TableHead>
              <TableRow>
                <TableCell>{t('activity.machine')}</TableCell>
                {columns.map(({ name }) => (
                  <TableCell key={name} align="right">
                    {t(`activity.${name}`)}
                  </TableCell>
                ))}
              </TableRow>
            </TableHead>
            <TableBody>
              {live.map((vm) => (
                <MachineRow key={vm.id} vm={vm} history={watched.get(vm.id)?.history ?? []} />
              ))}
            </TableBody>
          </Table>
        </TableContainer>
      )}
    </Box>
  );
}

function MachineRow({
  vm,
  history,
}: {
  readonly vm: VmSummary;
  readonly history: readonly Figures[];
}) {
  const select = useLibrary((store) => store.select);
  const last = history.at(-1);
  return (
    <TableRow>
      <TableCell>
        <Link component="button" onClick={() => select(vm.id, 'activity')}>
          {vm.name}
        </Link>
        <br />
        <StateLabel vm={vm} />
      </TableCell>
      {columns.map(({ name, of, word, graph }) => {
        const value = last === undefined ? null : of(last);
        return (
          <TableCell key={name} align="right" sx={{ fontVariantNumeric: 'tabular-nums' }}>
            {value === null ? '–' : word(value)}
            {graph && (
              <Box inert sx={{ width: 110, ml: 'auto' }}>
                <SparkLineChart
                  data={history.slice(-60).map((one) => of(one) ?? 0)}
                  height={26}
                  color="var(--mui-palette-primary-main)"
                />
              </Box>
            )}
          </TableCell>
        );
      })}
    </TableRow>
  );
}
