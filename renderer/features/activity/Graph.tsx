import Box from '@mui/material/Box';
import Paper from '@mui/material/Paper';
import Typography from '@mui/material/Typography';
import { LineChart } from '@mui/x-charts/LineChart';
import { t } from '../../i18n/i18n.ts';
import type { Figures } from './rates.ts';

export interface Line {
  readonly name: string;
  readonly of: (figures: Figures) => number | null;
}

/** One graph: what it is about, the figures of now in words, and the lines of the last two minutes. */
export function Graph(props: {
  readonly title: string;
  readonly history: readonly Figures[];
  readonly lines: readonly Line[];
  /** Values for people. */
  word(value: number): string;
  /** The axis reaches at least this far. */
  readonly atLeast?: number;
}) {
  const { title, history, lines, word } = props;
  const last = history.at(-1);
  const end = last?.at ?? 0;
  const now = lines.map(({ name, of }) => {
    const value = last && of(last);
    return t('activity.now', {
      name,
      value: value === null || value === undefined ? '–' : word(value),
    });
  });
  return (
    <Paper variant="outlined" component="section" aria-label={title} sx={{ p: 1.5, minWidth: 0 }}>
      <Typography variant="h2">{title}</Typography>
      <Typography
        sx={{ fontSize: '0.8rem', color: 'text.secondary', fontVariantNumeric: 'tabular-nums' }}
      >
        {now.join(' · ')}
      </Typography>
      <Box sx={{ height: 140 }} aria-hidden="true">
        <LineChart
          skipAnimation
          disableKeyboardNavigation
          height={140}
          hideLegend
          disableLineItemHighlight
          margin={{ left: 0, right: 8, top: 8, bottom: 0 }}
          xAxis={[
            {
              data: history.map(({ at }) => (at - end) / 1000),
              min: -120,
              max: 0,
              height: 28,
              valueFormatter: (seconds: number) => t('activity.seconds', { seconds }),
              tickNumber: 4,
            },
          ]}
          yAxis={[
            {
              min: 0,
              // For "1000 bytes/s".
              width: 100,
              tickNumber: 3,
              valueFormatter: (value: number) => word(value),
              domainLimit: (_min, max) => ({
                min: 0,
                max: Math.max(Number(max) * 1.1, props.atLeast ?? 1),
              }),
            },
          ]}
          series={lines.map(({ name, of }, index) => ({
            label: name,
            data: history.map(of),
            showMark: false,
            area: lines.length === 1,
            curve: 'linear',
            color: `var(--mui-palette-${index === 0 ? 'primary' : 'secondary'}-main)`,
            valueFormatter: (value: number | null) => (value === null ? '' : word(value)),
          }))}
          sx={{ '& .MuiAreaElement-root, & .MuiLineChart-area': { opacity: 0.18 } }}
        />
      </Box>
    </Paper>
  );
}
