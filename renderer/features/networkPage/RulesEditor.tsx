import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useState, type FormEvent } from 'react';
import { firewallRuleSchema, type FirewallRuleConfig } from '../../../shared/vm/network.ts';
import { t } from '../../i18n/i18n.ts';
import { explainInOne } from '../notices/noticeStore.ts';
import { RemovableLine } from './RemovableLine.tsx';

/** "443" or "8000-8080"; undefined for all ports, null for what is neither. */
function parsePorts(text: string): [number, number] | undefined | null {
  if (text.trim() === '') return undefined;
  const [, first, last = first] = /^\s*(\d+)\s*(?:[-–]\s*(\d+)\s*)?$/.exec(text) ?? [];
  const range: [number, number] = [Number(first), Number(last)];
  return range[0] >= 1 && range[0] <= range[1] && range[1] <= 65_535 ? range : null;
}

/** What the guest may reach, in order; each change counts at once. */
export function RulesEditor(props: {
  readonly rules: readonly FirewallRuleConfig[];
  save(rules: readonly FirewallRuleConfig[]): Promise<void>;
}) {
  const { rules, save } = props;
  const [action, setAction] = useState<FirewallRuleConfig['action']>('deny');
  const [to, setTo] = useState('');
  const [ports, setPorts] = useState('');
  const [failure, setFailure] = useState<string>();
  const apply = async (next: readonly FirewallRuleConfig[]): Promise<void> => {
    try {
      await save(next);
      setFailure(undefined);
      setTo('');
      setPorts('');
    } catch (error) {
      setFailure(explainInOne(error));
    }
  };
  const add = (event: FormEvent) => {
    event.preventDefault();
    const range = parsePorts(ports);
    if (range === null) return setFailure(t('networkPage.rulePorts'));
    const rule = firewallRuleSchema.safeParse({ action, to: to.trim(), ports: range });
    if (rule.success) void apply([...rules, rule.data]);
    else setFailure(t('networkPage.ruleTo'));
  };
  return (
    <Box role="group" aria-label={t('networkPage.rules')} sx={{ mt: 2 }}>
      <Typography variant="h3" sx={{ mb: 1 }}>
        {t('networkPage.rules')}
      </Typography>
      {rules.length === 0 && (
        <Typography sx={{ fontSize: '0.875rem', color: 'text.secondary', mb: 1 }}>
          {t('networkPage.noRules')}
        </Typography>
      )}
      {rules.map((rule, index) => {
        const { action, to, ports: range } = rule;
        const where = range ? ` :${[...new Set(range)].join('-')}` : '';
        const words = `${t(`networkPage.actions.${action}`)} ${to}${where}`;
        return (
          <RemovableLine
            key={index}
            words={words}
            remove={t('networkPage.removeRule', { rule: words })}
            onRemove={() => void apply(rules.filter((_, at) => at !== index))}
          />
        );
      })}
      <Box
        component="form"
        noValidate
        onSubmit={add}
        sx={{ display: 'flex', gap: 1.5, mt: 1.5, alignItems: 'flex-start', maxWidth: 960 }}
      >
        <TextField
          select
          label={t('networkPage.action')}
          sx={{ width: 140, flexShrink: 0 }}
          value={action}
          onChange={(event) => setAction(event.target.value as FirewallRuleConfig['action'])}
        >
          {(['deny', 'allow'] as const).map((one) => (
            <MenuItem key={one} value={one}>
              {t(`networkPage.actions.${one}`)}
            </MenuItem>
          ))}
        </TextField>
        <TextField
          label={t('networkPage.to')}
          value={to}
          error={failure !== undefined}
          helperText={failure}
          onChange={(event) => {
            setTo(event.target.value);
            setFailure(undefined);
          }}
        />
        <TextField
          label={t('networkPage.ports')}
          sx={{ width: 160, flexShrink: 0 }}
          value={ports}
          placeholder={t('networkPage.allPorts')}
          slotProps={{ inputLabel: { shrink: true } }}
          onChange={(event) => {
            setPorts(event.target.value);
            setFailure(undefined);
          }}
        />
        <Button type="submit" variant="outlined" sx={{ flexShrink: 0 }}>
          {t('networkPage.addRule')}
        </Button>
      </Box>
    </Box>
  );
}
