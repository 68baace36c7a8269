import Clear from '@mui/icons-material/Clear';
import Search from '@mui/icons-material/Search';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import InputAdornment from '@mui/material/InputAdornment';
import TextField from '@mui/material/TextField';
import { t } from '../../i18n/i18n.ts';
import { useListView } from './listStore.ts';

export const searchFieldId = 'list-search';

/** Narrows the list to machines whose name has the text; Escape shows all again. */
export function ListSearch({ matches }: { readonly matches: number }) {
  const { search, setSearch } = useListView();
  return (
    <Box sx={{ px: 1, pt: 1 }}>
      <TextField
        id={searchFieldId}
        type="search"
        placeholder={t('list.search')}
        value={search}
        onChange={(event) => setSearch(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.preventDefault();
          setSearch('');
        }}
        slotProps={{
          htmlInput: {
            'aria-label': t('list.search'),
            spellCheck: false,
            autoComplete: 'off',
            style: { paddingTop: 6, paddingBottom: 6 },
          },
          input: {
            startAdornment: (
              <InputAdornment position="start">
                <Search fontSize="small" />
              </InputAdornment>
            ),
            endAdornment: search !== '' && (
              <IconButton size="small" aria-label={t('list.clear')} onClick={() => setSearch('')}>
                <Clear fontSize="small" />
              </IconButton>
            ),
          },
        }}
        sx={{ '& input::-webkit-search-cancel-button': { display: 'none' } }}
      />
      <Box role="status" sx={{ position: 'absolute', clipPath: 'inset(50%)' }}>
        {search !== '' && t('list.found', { count: matches })}
      </Box>
    </Box>
  );
}
