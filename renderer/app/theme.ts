import { createTheme } from '@mui/material/styles';

const readableWhenOff = { '&.Mui-disabled': { color: 'var(--mui-palette-text-secondary)' } };

/** Light and dark in one set of CSS variables; the system decides unless the person did. */
export const theme = createTheme({
  cssVariables: { colorSchemeSelector: 'data-theme' },
  colorSchemes: {
    light: {
      palette: {
        primary: { main: '#0f6674' },
        secondary: { main: '#8f5400' },
        success: { main: '#1f7036' },
        error: { main: '#b3261e' },
        warning: { main: '#8f4e00' },
        background: { default: '#f3f5f6', paper: '#ffffff' },
        divider: '#dfe4e6',
        text: { primary: '#172126', secondary: '#53626a' },
      },
    },
    dark: {
      palette: {
        primary: { main: '#67c7d4' },
        secondary: { main: '#f2b65a' },
        success: { main: '#6fcf8a' },
        error: { main: '#ff8a80' },
        warning: { main: '#f2b65a' },
        background: { default: '#11171a', paper: '#1a2226' },
        divider: '#2c373c',
        text: { primary: '#e6ecee', secondary: '#9fb0b7' },
      },
    },
  },
  shape: { borderRadius: 8 },
  typography: {
    fontFamily: "'Inter Variable', system-ui, 'Segoe UI', 'Noto Sans', sans-serif",
    fontSize: 13,
    h1: { fontSize: '1.35rem', fontWeight: 650, letterSpacing: '-0.01em' },
    h2: { fontSize: '0.95rem', fontWeight: 650 },
    h3: { fontSize: '0.85rem', fontWeight: 650 },
    button: { textTransform: 'none', fontWeight: 600 },
  },
  components: {
    MuiCssBaseline: {
      styleOverrides: {
        'html, body, #root': { height: '100%' },
        body: { overflow: 'hidden' },
        ':focus-visible': {
          outline: '2px solid var(--mui-palette-primary-main)',
          outlineOffset: 1,
        },
        '@media (prefers-reduced-motion: reduce)': {
          '*': { animationDuration: '0.01ms !important', transitionDuration: '0.01ms !important' },
        },
      },
    },
    MuiButtonBase: {
      styleOverrides: {
        root: {
          '&.Mui-focusVisible': {
            outline: '2px solid var(--mui-palette-primary-main)',
            outlineOffset: 1,
          },
        },
      },
    },
    MuiButton: { defaultProps: { disableElevation: true } },
    MuiPaper: { styleOverrides: { root: { backgroundImage: 'none' } } },
    MuiTooltip: {
      defaultProps: { enterDelay: 400, describeChild: true },
      styleOverrides: { tooltip: { fontSize: '0.78rem' } },
    },
    // What a field is for, and why it is off, is read although it is off.
    MuiFormHelperText: { styleOverrides: { root: readableWhenOff } },
    MuiInputLabel: { styleOverrides: { root: readableWhenOff } },
    MuiTextField: { defaultProps: { size: 'small', fullWidth: true } },
    MuiDialogActions: { styleOverrides: { root: { padding: '12px 16px' } } },
    MuiDialogTitle: { styleOverrides: { root: { fontSize: '1.15rem', fontWeight: 650 } } },
  },
});
/** Windows as narrow as a small screen is at a scale of 200 %. */
export const narrow = '@media (max-width: 760px)';
/** As low as one is then. */
export const low = '@media (max-height: 480px)';
export const monospace =
  "ui-monospace, 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace";
