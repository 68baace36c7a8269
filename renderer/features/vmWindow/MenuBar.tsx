import Box from '@mui/material/Box';
import ButtonBase from '@mui/material/ButtonBase';
import { useRef, useState, type KeyboardEvent } from 'react';
import { EntryMenu, type MenuEntries } from '../../components/EntryMenu.tsx';

export interface BarMenu {
  readonly name: string;
  readonly entries: MenuEntries;
}

/** A menu bar (ARIA Authoring Practices): arrows go along it, also from an open menu. */
export function MenuBar({
  label,
  menus,
}: {
  readonly label: string;
  readonly menus: readonly BarMenu[];
}) {
  const buttons = useRef<(HTMLElement | null)[]>([]);
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState<number>();

  const along = (event: KeyboardEvent): boolean => {
    const steps: Readonly<Record<string, number>> = { ArrowRight: at + 1, ArrowLeft: at - 1 };
    const ends: Readonly<Record<string, number>> =
      open === undefined ? { Home: 0, End: menus.length - 1 } : {};
    const wanted = steps[event.key] ?? ends[event.key];
    if (wanted === undefined) return false;
    event.preventDefault();
    const next = (wanted + menus.length) % menus.length;
    setAt(next);
    if (open !== undefined) setOpen(next);
    else buttons.current[next]?.focus();
    return true;
  };

  return (
    <Box role="menubar" aria-label={label} sx={{ display: 'flex', px: 0.5 }}>
      {menus.map(({ name, entries }, index) => (
        <Box key={name} role="none">
          <ButtonBase
            ref={(element: HTMLElement | null) => void (buttons.current[index] = element)}
            role="menuitem"
            aria-haspopup="menu"
            aria-expanded={open === index}
            tabIndex={index === at ? 0 : -1}
            onFocus={() => setAt(index)}
            onClick={() => {
              setAt(index);
              setOpen(index);
            }}
            onKeyDown={(event) => {
              if (along(event) || event.key !== 'ArrowDown') return;
              event.preventDefault();
              setOpen(index);
            }}
            sx={{
              px: 1.25,
              py: 0.75,
              borderRadius: 1,
              fontFamily: 'inherit',
              fontSize: '0.85rem',
              '&:hover, &[aria-expanded="true"]': { bgcolor: 'action.hover' },
            }}
          >
            {name}
          </ButtonBase>
          <EntryMenu
            label={name}
            entries={entries}
            anchor={open === index ? (buttons.current[index] ?? null) : null}
            onClose={() => setOpen(undefined)}
            onKeyDown={along}
          />
        </Box>
      ))}
    </Box>
  );
}
