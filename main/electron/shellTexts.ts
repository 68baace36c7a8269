/** Texts of the system's own menus, tray and dialogs; the window has its own catalogues (renderer/i18n). */
const en = {
  libraryFailed: 'Guesthouse cannot open its library',
  staysOpen: 'Guesthouse stays open',
  isRunning: '“{name}” is running',
  areRunning: '{count} machines are running',
  stillRunning: 'Still running: {names}.',
  whatIsLost:
    'A saved state goes on at the next start. Powering off pulls the plug; what a guest has not written to its disks is lost.',
  close: {
    saveStates: 'Save the states and close',
    shutDown: 'Shut down and close',
    powerOff: 'Power off and close',
    background: 'Keep running in the background',
    cancel: 'Cancel',
  },
  tray: {
    tip: 'Guesthouse',
    runningTip: 'Guesthouse: {count} running',
    show: 'Show Guesthouse',
    none: 'No machine is running',
    showVm: 'Show',
    pause: 'Pause',
    resume: 'Resume',
    shutDown: 'ACPI shutdown',
    quit: 'Quit',
  },
  menu: {
    file: 'File',
    newVm: 'New Machine…',
    import: 'Import an Appliance…',
    tools: 'Tools',
    media: 'Media',
    network: 'Network',
    preferences: 'Preferences…',
    help: 'Help',
    keys: 'Keys…',
  },
};
export type ShellTexts = typeof en;

const de: ShellTexts = {
  libraryFailed: 'Guesthouse kann seine Bibliothek nicht öffnen',
  staysOpen: 'Guesthouse bleibt offen',
  isRunning: '„{name}“ läuft',
  areRunning: '{count} Maschinen laufen',
  stillRunning: 'Es läuft noch: {names}.',
  whatIsLost:
    'Ein gespeicherter Zustand geht beim nächsten Start weiter. Ausschalten zieht den Stecker: Was ein Gast nicht auf seine Festplatten geschrieben hat, geht verloren.',
  close: {
    saveStates: 'Zustände speichern und schließen',
    shutDown: 'Herunterfahren und schließen',
    powerOff: 'Ausschalten und schließen',
    background: 'Im Hintergrund weiterlaufen lassen',
    cancel: 'Abbrechen',
  },
  tray: {
    tip: 'Guesthouse',
    runningTip: 'Guesthouse: {count} laufen',
    show: 'Guesthouse zeigen',
    none: 'Es läuft keine Maschine',
    showVm: 'Zeigen',
    pause: 'Anhalten',
    resume: 'Fortsetzen',
    shutDown: 'ACPI-Herunterfahren',
    quit: 'Beenden',
  },
  menu: {
    file: 'Ablage',
    newVm: 'Neue Maschine…',
    import: 'Appliance importieren…',
    tools: 'Werkzeuge',
    media: 'Medien',
    network: 'Netzwerk',
    preferences: 'Einstellungen…',
    help: 'Hilfe',
    keys: 'Tasten…',
  },
};

/** In the language of the preferences, or else the system's (a tag as "de-AT"). */
export function shellTexts(chosen: string | undefined, system: string): ShellTexts {
  return (chosen ?? system).toLowerCase().startsWith('de') ? de : en;
}

/** A text with values in its places. */
export function filled(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}
