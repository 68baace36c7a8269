import type { Texts } from './i18n.ts';
import type { managerEn } from './manager.en.ts';

/** German texts of the manager. */
export const managerDe: Texts<typeof managerEn> = {
  rail: { name: 'Werkzeuge', home: 'Start', machines: 'Maschinen' },
  home: {
    title: 'Noch ein Gast?',
    text: 'Alles läuft mit den eigenen Rechten: kein Kernelmodul, kein Verwalterkonto. Einen Weg zu einer Maschine wählen.',
    file: 'Aus einer Datei',
    fileText:
      'Ein ISO, ein Plattenabbild oder einen Kernel irgendwo auf diesem Fenster ablegen oder auswählen.',
    chooseFile: 'Datei auswählen …',
    template: 'Schritt für Schritt',
    templateText:
      'Eine Vorlage nehmen, Speicher und Platten anpassen und wählen, was gebootet wird ({{key}}).',
    create: 'Neue Maschine',
  },
  groups: {
    new: 'Neue Gruppe',
    newName: 'Gruppe',
    newOf: 'In eine neue Gruppe …',
    newInside: 'Neue Gruppe darin …',
    rename: 'Die Gruppe umbenennen',
    renameMachine: 'Die Maschine umbenennen',
    renameItem: 'Umbenennen … (F2)',
    remove: 'Die Gruppe auflösen (die Maschinen bleiben)',
    takeOut: 'Aus der Gruppe nehmen',
    failed: 'Die Liste ließ sich nicht umordnen',
    count: '{{count}}',
  },
  many: {
    reset_one: '{{count}} Maschine neu starten?',
    reset_other: '{{count}} Maschinen neu starten?',
    powerOff_one: '{{count}} Maschine ausschalten?',
    powerOff_other: '{{count}} Maschinen ausschalten?',
    delete_one: '{{count}} Maschine löschen?',
    delete_other: '{{count}} Maschinen löschen?',
  },
};
