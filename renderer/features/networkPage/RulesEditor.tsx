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

/** What the guest may reach, in order; each change counts at once. */
export function RulesEditor(props: {
  readonly rules: readonly FirewallRuleConfig[];
  save(rules: readonly FirewallRuleConfig[]): Promise<void>;
}) {
  const { rules, save } = props;
  const [action, setAction] = useState<FirewallRuleConfig['action']>('deny');
  const [to, setTo] = useState('');
  const [failure, setFailure] = useState<string>();
  const apply = async (next: readonly FirewallRuleConfig[]): Promise<void> => {
    try {
      await save(next);
      setFailure(undefined);
      setTo('');
    } catch (error) {
      setFailure(explainInOne(error));
    }
  };
  const add = (event: FormEvent) => {
    event.preventDefault();
    const rule = firewallRuleSchema.safeParse({ action, to: to.trim() });
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
        const ports = rule.ports ? ` :${rule.ports.join('-')}` : '';
        const words = `${t(`networkPage.actions.${rule.action}`)} ${rule.to}${ports}`;
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
        <Button type="submit" variant="outlined" sx={{ flexShrink: 0 }}>
          {t('networkPage.addRule')}
        </Button>
      </Box>
    </Box>
  );
}
