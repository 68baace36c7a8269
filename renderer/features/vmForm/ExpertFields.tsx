import Box from '@mui/material/Box';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useState, type ReactNode } from 'react';
import { t } from '../../i18n/i18n.ts';
import { BootFields } from './BootFields.tsx';
import { DisplayFields, GeneralFields, SystemFields, type FieldsProps } from './fields.tsx';
import { NewDiskFields } from './NewDiskFields.tsx';
import { StorageFields } from './StorageFields.tsx';
import { templates, type TemplateName } from './templates.ts';
import { newDraft, type VmDraft } from './vmDraft.ts';

/** All of a new machine on one page. `known`: what was known of it before the form was opened. */
export function ExpertFields({
  known,
  ...form
}: FieldsProps & { readonly known: Partial<VmDraft> }) {
  const [template, setTemplate] = useState<TemplateName>('custom');
  return (
    <>
      <Section title={t('settings.category.general')}>
        <GeneralFields {...form} autoFocus />
        <TextField
          select
          label={t('template.label')}
          helperText={t('template.help')}
          sx={{ mt: 2, maxWidth: 360 }}
          value={template}
          onChange={(event) => {
            const name = event.target.value as TemplateName;
            setTemplate(name);
            // What only another template has filled in goes with it.
            const { disks: _disks, name: _name, description: _text, ...plain } = newDraft;
            form.change({ ...plain, ...known, ...templates[name] });
          }}
        >
          {Object.keys(templates).map((name) => (
            <MenuItem key={name} value={name}>
              {t(`template.${name as TemplateName}`)}
            </MenuItem>
          ))}
        </TextField>
      </Section>
      <Section title={t('settings.category.storage')}>
        <StorageFields {...form} />
        <NewDiskFields {...form} />
      </Section>
      <Section title={t('settings.category.system')}>
        <SystemFields {...form} />
      </Section>
      <Section title={t('settings.category.display')}>
        <DisplayFields {...form} />
      </Section>
      <Section title={t('settings.category.boot')}>
        <BootFields {...form} />
      </Section>
    </>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <Box component="section" aria-label={title}>
      <Typography variant="h3" sx={{ mb: 1.5, color: 'text.secondary' }}>
        {title}
      </Typography>
      {children}
    </Box>
  );
}
