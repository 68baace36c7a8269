import Box from '@mui/material/Box';
import { useState } from 'react';
import { adapterSchema, type AdapterConfig } from '../../../shared/vm/network.ts';
import { t } from '../../i18n/i18n.ts';
import { AdapterFields } from '../vmForm/AdapterFields.tsx';

/** Changes an adapter of a machine that is off: choices at once, text when its field is left and it is valid. */
export function AttachmentEditor(props: {
  readonly adapter: AdapterConfig;
  save(changed: AdapterConfig): void;
}) {
  const { adapter, save } = props;
  const [draft, setDraft] = useState<AdapterConfig>();
  const shown = draft ?? adapter;
  const wrong = adapterSchema.safeParse(shown).error?.issues.map(({ path }) => path[0]) ?? [];
  const settle = (changed: AdapterConfig | undefined) => {
    const parsed = adapterSchema.safeParse(changed);
    if (!parsed.success) return;
    setDraft(undefined);
    save(parsed.data);
  };
  return (
    <Box sx={{ my: 1.5 }} onBlur={() => settle(draft)}>
      <AdapterFields
        adapter={shown}
        problems={{
          label: wrong.includes('network') ? t('networkPage.wrongLabel') : undefined,
          mac: wrong.includes('mac') ? t('problem.mac') : undefined,
        }}
        choose={settle}
        type={setDraft}
      />
    </Box>
  );
}
