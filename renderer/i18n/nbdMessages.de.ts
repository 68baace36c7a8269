/** German of what NBD disks say; serviceMessages.test.ts finds what is missing. */
import type { MessageTable } from './translateMessage.ts';

export const nbdMessagesDe: MessageTable = [
  [
    'An NBD export such as {1} is filled byte by byte, not with a {2} image.',
    'Ein NBD-Export wie {1} wird Byte für Byte gefüllt, nicht mit einem {2}-Abbild.',
  ],
  [
    'No NBD server answers at {1} ({2}), so {3} cannot be used. Start the server, or check the address.',
    'Unter {1} antwortet kein NBD-Server ({2}), deshalb ist {3} nicht nutzbar. Starten Sie den Server oder prüfen Sie die Adresse.',
  ],
  [
    'Say -O raw; the server keeps it in the format that it was started with.',
    'Geben Sie -O raw an; der Server speichert es in dem Format, mit dem er gestartet wurde.',
  ],
  ['Start its server with a larger image.', 'Starten Sie seinen Server mit einem größeren Abbild.'],
  [
    'The NBD export {1} came back with another size.',
    'Der NBD-Export {1} kam mit einer anderen Größe wieder.',
  ],
  [
    'The NBD export {1} cannot be made from here: its server makes it. "disk convert -O raw" fills one that is there.',
    'Der NBD-Export {1} lässt sich von hier nicht anlegen: Das tut sein Server. „disk convert -O raw“ füllt einen, den es gibt.',
  ],
  [
    'The NBD export {1} ends at {2} bytes and cannot grow.',
    'Der NBD-Export {1} endet bei {2} Bytes und kann nicht wachsen.',
  ],
  [
    'The NBD export {1} has the size that its server gives it.',
    'Der NBD-Export {1} hat die Größe, die ihm sein Server gibt.',
  ],
  [
    'The NBD export {1} has {2} bytes, too few for a disk of {3} bytes.',
    'Der NBD-Export {1} hat {2} Bytes, zu wenig für eine Platte von {3} Bytes.',
  ],
  ['The NBD export {1} is closed.', 'Der NBD-Export {1} ist geschlossen.'],
  ['The NBD export {1} {2}.', 'Der NBD-Export {1} {2}.'],
  [
    'The NBD server has no export "{1}" ({2}){3}.',
    'Der NBD-Server hat keinen Export „{1}“ ({2}){3}.',
  ],
  ['The NBD server of {1} cannot be used: {2}.', 'Der NBD-Server von {1} ist nicht nutzbar: {2}.'],
  ['The NBD server of {1} reports: {2}.', 'Der NBD-Server von {1} meldet: {2}.'],
  [
    'The NBD server of {1} went away ({2}) before it had made all writes durable, so some may be lost. Start the VM again and check its file systems.',
    'Der NBD-Server von {1} war weg ({2}), bevor er alles Geschriebene gesichert hatte, deshalb kann etwas davon fehlen. Starten Sie die VM neu und prüfen Sie ihre Dateisysteme.',
  ],
  [
    'it wants TLS; write nbds:// in the place of nbd://',
    'er verlangt TLS; schreiben Sie nbds:// statt nbd://',
  ],
  ['it does not offer TLS', 'er bietet kein TLS an'],
  ['TLS fails with it ({1})', 'TLS misslingt mit ihm ({1})'],
  [
    '{1} is no NBD address: {2}. Write it as nbd://HOST:PORT/EXPORT or nbd+unix:///EXPORT?socket=PATH.',
    '{1} ist keine NBD-Adresse: {2}. Schreiben Sie sie als nbd://HOST:PORT/EXPORT oder nbd+unix:///EXPORT?socket=PFAD.',
  ],
];
