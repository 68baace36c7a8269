/** German of what the services say when something cannot be done; serviceMessages.test.ts finds what is missing. */
import type { MessageTable } from './translateMessage.ts';

export const serviceMessagesDe: MessageTable = [
  ['"{1}" arrived incomplete: {2} of {3} bytes.', '„{1}“ kam unvollständig an: {2} von {3} Bytes.'],
  ['"{1}" could not be stored in {2} ({3}).', '„{1}“ ließ sich nicht in {2} ablegen ({3}).'],
  ['"{1}" has no saved state.', '„{1}“ hat keinen gespeicherten Zustand.'],
  ['"{1}" has no {2} drive {3}.', '„{1}“ hat kein {2}-Laufwerk {3}.'],
  ['"{1}" is not an absolute path.', '„{1}“ ist kein ganzer Pfad.'],
  ['"{1}" is not running.', '„{1}“ läuft nicht.'],
  ['"{1}" is running and uses {2}.', '„{1}“ läuft und benutzt {2}.'],
  ['"{1}" of {2} does not fit into {3}{4}.', '„{1}“ mit {2} passt nicht in {3}{4}.'],
  ['A firewall rule is wrong: {1}.', 'Eine Firewall-Regel ist falsch: {1}.'],
  [
    'A kernel that is named is loaded without firmware, so firmware cannot be named too.',
    'Ein genannter Kernel wird ohne Firmware geladen, deshalb kann nicht auch eine Firmware genannt werden.',
  ],
  ['A machine can have at most {1}.', 'Eine Maschine kann höchstens {1} haben.'],
  [
    'A machine whose time is counted repeats its runs exactly, which a network would prevent.',
    'Eine Maschine mit gezählter Zeit wiederholt ihre Läufe genau, was ein Netz verhindern würde.',
  ],
  ['A new disk needs a size.', 'Eine neue Platte braucht eine Größe.'],
  ['A setting is not valid: {1}.', 'Eine Einstellung ist ungültig: {1}.'],
  [
    'Add one in Settings, Storage, while it is powered off.',
    'Füge eines in Einstellungen, Massenspeicher hinzu, während sie ausgeschaltet ist.',
  ],
  [
    'Another Guesthouse process has been changing the library for too long.',
    'Ein anderer Guesthouse-Prozess ändert die Bibliothek schon zu lange.',
  ],
  [
    'Another snapshot, restore or start of this VM has been going on for too long.',
    'Ein anderer Sicherungspunkt, eine Wiederherstellung oder ein Start dieser VM dauert schon zu lange.',
  ],
  ['Build it with "npm run gen".', 'Baue ihn mit „npm run gen“.'],
  [
    'Building this guest takes {1} MiB, and {2} has {3} MiB free.',
    'Diesen Gast zu bauen braucht {1} MiB, und in {2} sind {3} MiB frei.',
  ],
  ['CD-ROM', 'CD-ROM'],
  ['Cancel it first.', 'Brich es zuerst ab.'],
  ['Change what the adapter is attached to.', 'Ändere, woran der Adapter hängt.'],
  [
    'Check free space and permissions of the library folder.',
    'Prüfe freien Platz und Rechte des Bibliotheksordners.',
  ],
  [
    'Check its permissions, or name another folder in the variable GUESTHOUSE_HOME.',
    'Prüfe seine Rechte oder nenne einen anderen Ordner in der Variablen GUESTHOUSE_HOME.',
  ],
  [
    'Check the folder’s permissions and try again.',
    'Prüfe die Rechte des Ordners und versuche es noch einmal.',
  ],
  [
    'Check the network, or choose another mirror in the preferences; what is here already is kept.',
    'Prüfe das Netz oder wähle in den Voreinstellungen einen anderen Spiegel; was schon hier ist, bleibt.',
  ],
  ['Check the permissions of the file.', 'Prüfe die Rechte der Datei.'],
  ['Check the permissions of the library folder.', 'Prüfe die Rechte des Bibliotheksordners.'],
  ['Choose a file.', 'Wähle eine Datei.'],
  ['Choose a folder that you may write.', 'Wähle einen Ordner, in den du schreiben darfst.'],
  ['Choose a group further out.', 'Wähle eine Gruppe weiter außen.'],
  [
    'Choose an image such as SeaBIOS’ bios-256k.bin or OVMF_CODE_4M.fd.',
    'Wähle ein Abbild wie bios-256k.bin von SeaBIOS oder OVMF_CODE_4M.fd.',
  ],
  ['Choose another file.', 'Wähle eine andere Datei.'],
  ['Choose another folder.', 'Wähle einen anderen Ordner.'],
  ['Choose another group.', 'Wähle eine andere Gruppe.'],
  [
    'Choose another mirror in the preferences.',
    'Wähle in den Voreinstellungen einen anderen Spiegel.',
  ],
  ['Choose another name.', 'Wähle einen anderen Namen.'],
  [
    'Choose another with --port, or any free one with --port 0.',
    'Wähle mit --port einen anderen, oder mit --port 0 irgendeinen freien.',
  ],
  ['Choose another {1} file.', 'Wähle eine andere Datei ({1}).'],
  ['Choose the engine "translator".', 'Wähle die Engine „translator“.'],
  [
    'Choose the file with the code, such as OVMF_CODE_4M.fd, not the one with the variables.',
    'Wähle die Datei mit dem Code, wie OVMF_CODE_4M.fd, nicht die mit den Variablen.',
  ],
  [
    'Choose the template that belongs to the firmware, such as OVMF_VARS_4M.fd.',
    'Wähle die Vorlage, die zur Firmware gehört, wie OVMF_VARS_4M.fd.',
  ],
  [
    'Choose where it is in the media manager, or remove the disk.',
    'Wähle unter Medien, wo sie ist, oder entferne die Platte.',
  ],
  ['Close the other one first.', 'Schließe zuerst das andere.'],
  [
    'Correct the file, or remove it: then no VM is in a group.',
    'Berichtige die Datei oder entferne sie: dann ist keine VM in einer Gruppe.',
  ],
  [
    'Correct the file, restore it from a backup, or delete the VM.',
    'Berichtige die Datei, hole sie aus einer Sicherung oder lösche die VM.',
  ],
  ['Correct the value and try again.', 'Berichtige den Wert und versuche es noch einmal.'],
  [
    'Delete the snapshots first, which merges that into the disks.',
    'Lösche zuerst die Sicherungspunkte; das führt alles in den Platten zusammen.',
  ],
  [
    'Discard the saved state, or attach the disks that it was saved with.',
    'Verwirf den gespeicherten Zustand oder schließe die Platten an, mit denen er gespeichert wurde.',
  ],
  [
    'Discard the saved state, which starts the VM from its disks, or restore another snapshot.',
    'Verwirf den gespeicherten Zustand, dann startet die VM von ihren Platten, oder stelle einen anderen Sicherungspunkt wieder her.',
  ],
  [
    'Free some space there, or keep the file where it is and choose it by its path.',
    'Schaffe dort Platz, oder lass die Datei, wo sie ist, und wähle sie über ihren Pfad.',
  ],
  [
    'Give it one in Settings, Display, or use its serial console.',
    'Gib ihr eine in Einstellungen, Anzeige, oder benutze ihre serielle Konsole.',
  ],
  ['Give the whole path of the file.', 'Gib den ganzen Pfad der Datei an.'],
  ['Give the whole path.', 'Gib den ganzen Pfad an.'],
  ['Groups can lie in each other {1} deep.', 'Gruppen können bis {1} tief ineinander liegen.'],
  ['Guesthouse is being closed.', 'Guesthouse wird gerade geschlossen.'],
  [
    'Guesthouse {1} is running on this library; this is {2}.',
    'Guesthouse {1} benutzt diese Bibliothek schon; dies ist {2}.',
  ],
  ['It has {1}.', 'Sie hat {1}.'],
  ['It has: {1}.', 'Es gibt: {1}.'],
  ['Leave out --net, or use --clock host.', 'Lass --net weg oder nimm --clock host.'],
  ['Leave out the one or the other.', 'Lass das eine oder das andere weg.'],
  [
    'Make a full clone, or delete the snapshots first.',
    'Mache einen vollständigen Klon oder lösche zuerst die Sicherungspunkte.',
  ],
  [
    'Make its file systems smaller first, then say --shrink.',
    'Verkleinere zuerst ihre Dateisysteme, dann nimm --shrink.',
  ],
  [
    'Make room, or choose another folder for new disks in the preferences.',
    'Schaffe Platz oder wähle in den Voreinstellungen einen anderen Ordner für neue Platten.',
  ],
  [
    'Name a file of the VM’s own for its variables; it is made from the template.',
    'Nenne eine eigene Datei für die Variablen der VM; sie entsteht aus der Vorlage.',
  ],
  ['Name a new file for the capture.', 'Nenne eine neue Datei für die Aufzeichnung.'],
  ['Name another file.', 'Nenne eine andere Datei.'],
  [
    'Name one, such as OVMF_VARS_4M.fd, with template=FILE.',
    'Nenne eine, wie OVMF_VARS_4M.fd, mit template=DATEI.',
  ],
  [
    'Nothing of it is used. Choose another mirror in the preferences.',
    'Nichts davon wird benutzt. Wähle in den Voreinstellungen einen anderen Spiegel.',
  ],
  [
    'Only an adapter on the user-mode network has port forwarding.',
    'Nur ein Adapter mit NAT leitet Ports weiter.',
  ],
  ['Port {1} of {2} cannot be opened ({3}).', 'Port {1} von {2} lässt sich nicht öffnen ({3}).'],
  [
    'The private key in {1} is not the one of the certificate in {2}.',
    'Der private Schlüssel in {1} ist nicht der des Zertifikats in {2}.',
  ],
  [
    'Give the two files that were made together.',
    'Geben Sie die beiden Dateien an, die zusammengehören.',
  ],
  ['{1} is not a certificate in PEM format.', '{1} ist kein Zertifikat im PEM-Format.'],
  [
    '{1} is not a private key in PEM format that can be read without a passphrase.',
    '{1} ist kein privater Schlüssel im PEM-Format, der sich ohne Passphrase lesen lässt.',
  ],
  ['"{1}" is not an IP address.', '„{1}“ ist keine IP-Adresse.'],
  [
    'Others could read along at {1} without encryption.',
    'Andere könnten bei {1} ohne Verschlüsselung mitlesen.',
  ],
  [
    'Give a certificate with --tls-cert and --tls-key.',
    'Geben Sie mit --tls-cert und --tls-key ein Zertifikat an.',
  ],
  ['Port {1} is in use by another program.', 'Port {1} benutzt schon ein anderes Programm.'],
  ['Power it off first.', 'Schalte sie zuerst aus.'],
  ['Rename it and try again.', 'Benenne sie um und versuche es noch einmal.'],
  [
    'Restore the file from a backup, or delete the VM.',
    'Hole die Datei aus einer Sicherung oder lösche die VM.',
  ],
  [
    'Restore the file from a backup. The disks are as they were.',
    'Hole die Datei aus einer Sicherung. Die Platten sind, wie sie waren.',
  ],
  ['Resume it first, or power it off.', 'Setze sie zuerst fort oder schalte sie aus.'],
  ['See "guesthouse list" for what there is.', 'Was es gibt, zeigt „guesthouse list“.'],
  ['See "guesthouse snapshot list".', 'Siehe „guesthouse snapshot list“.'],
  [
    'See the last lines of its console; start it again to retry.',
    'Siehe die letzten Zeilen ihrer Konsole; starte sie neu für einen weiteren Versuch.',
  ],
  ['See the list of media.', 'Siehe die Liste der Medien.'],
  ['See {1}.', 'Siehe {1}.'],
  ['Send it with a Content-Length.', 'Sende sie mit einer Content-Length.'],
  [
    'Set less memory, or close other programs.',
    'Stelle weniger Arbeitsspeicher ein oder schließe andere Programme.',
  ],
  [
    'Set the number of CPUs to 1, or choose the engine "kvm" where "guesthouse doctor" finds it usable.',
    'Stelle die Zahl der CPUs auf 1, oder wähle die Engine „kvm“, wo „guesthouse doctor“ sie brauchbar findet.',
  ],
  [
    'The CPU model {1} tells the guest that its CPU does not speculate, which is not so on the KVM engine.',
    'Das CPU-Modell {1} sagt dem Gast, seine CPU spekuliere nicht; mit KVM stimmt das nicht.',
  ],
  [
    'Choose another CPU model, such as --cpu-model host-like.',
    'Ein anderes CPU-Modell wählen, etwa „Wie die des Wirts“.',
  ],
  [
    'Choose another CPU model, or the engine "kvm" where "guesthouse doctor" finds it usable.',
    'Ein anderes CPU-Modell wählen oder die Engine „kvm“, wo „guesthouse doctor“ sie brauchbar findet.',
  ],
  [
    'Choose another CPU model (host-like takes what there is), or the engine "translator".',
    'Ein anderes CPU-Modell wählen („Wie die des Wirts“ nimmt, was es gibt) oder die Engine „translator“.',
  ],
  ['Set the number of CPUs to {1} or fewer.', 'Stelle die Zahl der CPUs auf höchstens {1}.'],
  ['Something unexpected went wrong: {1}', 'Etwas Unerwartetes ging schief: {1}'],
  [
    'Start it and shut it down, or discard the saved state.',
    'Starte sie und fahre sie herunter, oder verwirf den gespeicherten Zustand.',
  ],
  ['Start it first.', 'Starte sie zuerst.'],
  [
    'Start it with "npm start", which builds what is missing.',
    'Starte es mit „npm start“; das baut, was fehlt.',
  ],
  [
    'Start the VM again. What the guest had not written to its disks is lost.',
    'Starte die VM neu. Was der Gast nicht auf seine Platten geschrieben hatte, ist verloren.',
  ],
  ['Take it out of the VM first.', 'Nimm sie zuerst aus der VM.'],
  [
    'Take some out, or attach disks by virtio.',
    'Nimm welche heraus oder schließe Platten über virtio an.',
  ],
  [
    'The CPU core is not built: emulator/cpu/build/core.wasm does not exist.',
    'Der CPU-Kern ist nicht gebaut: emulator/cpu/build/core.wasm gibt es nicht.',
  ],
  [
    'The VM goes on as before. Make space or choose another folder, then try again.',
    'Die VM läuft weiter wie zuvor. Schaffe Platz oder wähle einen anderen Ordner und versuche es noch einmal.',
  ],
  [
    'The VM has a saved state, which fits only the hardware that it has now.',
    'Die VM hat einen gespeicherten Zustand, der nur zur jetzigen Hardware passt.',
  ],
  [
    'The VM has snapshots, and what was written since lies in its folder with them.',
    'Die VM hat Sicherungspunkte, und was seither geschrieben wurde, liegt mit ihnen in ihrem Ordner.',
  ],
  [
    'The VM has snapshots, so no other can build on its disks.',
    'Die VM hat Sicherungspunkte, deshalb kann keine andere auf ihren Platten aufbauen.',
  ],
  ['The VM is not running.', 'Die VM läuft nicht.'],
  [
    'The VM is paused, so it cannot hear the power button.',
    'Die VM ist angehalten und hört deshalb den Netzschalter nicht.',
  ],
  ['The VM is running already.', 'Die VM läuft schon.'],
  ['The VM is running: one cannot {1}.', 'Die VM läuft: {1} geht nicht.'],
  ['The VM is {1}.', 'Die VM ist {1}.'],
  ['The VM was stopped while it was starting.', 'Die VM wurde angehalten, während sie startete.'],
  [
    'The background process that runs the VMs could not be started.',
    'Der Hintergrundprozess, der die VMs ausführt, ließ sich nicht starten.',
  ],
  [
    'The capture file {1} cannot be written: {2}.',
    'Die Aufzeichnung {1} lässt sich nicht schreiben: {2}.',
  ],
  ['The configuration has no version number.', 'Die Konfiguration hat keine Versionsnummer.'],
  ['The configuration is damaged: {1}.', 'Die Konfiguration ist beschädigt: {1}.'],
  [
    'The configuration is from a newer Guesthouse (version {1}; this one knows {2}).',
    'Die Konfiguration ist von einem neueren Guesthouse (Version {1}; dieses kennt {2}).',
  ],
  [
    'The disk image {1} does not build on another one.',
    'Das Plattenabbild {1} baut auf keinem anderen auf.',
  ],
  ['The disk image {1} of "{2}" does not exist.', 'Das Plattenabbild {1} von „{2}“ gibt es nicht.'],
  [
    'The disk {1} has {2} bytes, so {3} bytes would cut off its end.',
    'Die Platte {1} hat {2} Bytes; {3} Bytes würden ihr Ende abschneiden.',
  ],
  ['The file has no name.', 'Die Datei hat keinen Namen.'],
  ['The file {1} cannot be written ({2}).', 'Die Datei {1} lässt sich nicht schreiben ({2}).'],
  ['The file {1} exists already.', 'Die Datei {1} gibt es schon.'],
  [
    'The file {1} holds no UEFI variables: it is no flash image with a variable store.',
    'Die Datei {1} enthält keine UEFI-Variablen: sie ist kein Flash-Abbild mit Variablenspeicher.',
  ],
  [
    'The file {1} is damaged or of a newer version, so groups cannot be changed.',
    'Die Datei {1} ist beschädigt oder von einer neueren Version, deshalb lassen sich Gruppen nicht ändern.',
  ],
  ['The file {1} is no PC firmware: {2}.', 'Die Datei {1} ist keine PC-Firmware: {2}.'],
  ['The file {1} does not exist.', 'Die Datei {1} gibt es nicht.'],
  ['The file {1} may not be read by you.', 'Die Datei {1} darfst du nicht lesen.'],
  ['The file {1} cannot be read ({2}).', 'Die Datei {1} lässt sich nicht lesen ({2}).'],
  ['{1} is a folder.', '{1} ist ein Ordner.'],
  ['{1} is not a file.', '{1} ist keine Datei.'],
  ['The file {1} {2}.', 'Die Datei {1}: {2}.'],
  [
    "The firmware's variables cannot be kept in {1}: {2}.",
    'Die Variablen der Firmware lassen sich nicht in {1} behalten: {2}.',
  ],
  [
    'The folder {1} for the VMs cannot be made ({2}).',
    'Der Ordner {1} für die VMs lässt sich nicht anlegen ({2}).',
  ],
  ['The folder {1} does not exist.', 'Den Ordner {1} gibt es nicht.'],
  ['The folder {1} is a file.', 'Der Ordner {1} ist eine Datei.'],
  ['The folder {1} may not be read by you.', 'Den Ordner {1} darfst du nicht lesen.'],
  ['The folder {1} cannot be read ({2}).', 'Der Ordner {1} lässt sich nicht lesen ({2}).'],
  ['The folder {1} {2}.', 'Der Ordner {1}: {2}.'],
  ['The gallery has no "{1}".', 'Die Galerie hat kein „{1}“.'],
  ['The guest does not read its serial port.', 'Der Gast liest seinen seriellen Port nicht.'],
  [
    'The host cannot give the machine the memory that it is set to.',
    'Der Host kann der Maschine den eingestellten Arbeitsspeicher nicht geben.',
  ],
  [
    'The host has no space left for the state of the VM in {1}.',
    'Der Host hat in {1} keinen Platz mehr für den Zustand der VM.',
  ],
  ['The library does not know the file {1}.', 'Die Bibliothek kennt die Datei {1} nicht.'],
  ['The machine could not be built: {1}', 'Die Maschine ließ sich nicht aufbauen: {1}'],
  ['The manager of the library does not answer.', 'Der Verwalter der Bibliothek antwortet nicht.'],
  [
    "The manager's socket {1} cannot be used ({2}).",
    'Der Socket {1} des Verwalters ist nicht verwendbar ({2}).',
  ],
  [
    'The other side failed without saying why.',
    'Die Gegenseite ist gescheitert, ohne zu sagen, woran.',
  ],
  [
    'The saved state in {1} cannot be loaded: {2}',
    'Der gespeicherte Zustand in {1} lässt sich nicht laden: {2}',
  ],
  [
    'The saved state of "{1}" belongs to other disks than it has now.',
    'Der gespeicherte Zustand von „{1}“ gehört zu anderen Platten als den jetzigen.',
  ],
  [
    'The screenshot cannot be written to {1}: {2}.',
    'Das Bildschirmfoto lässt sich nicht nach {1} schreiben: {2}.',
  ],
  ['The signature of {1} is not good: {2}.', 'Die Signatur von {1} ist nicht gut: {2}.'],
  ['The size of the file is not known.', 'Die Größe der Datei ist nicht bekannt.'],
  [
    'The state of the VM cannot be saved in {1}: {2}.',
    'Der Zustand der VM lässt sich nicht in {1} speichern: {2}.',
  ],
  [
    'The window is not built: out/renderer does not exist.',
    'Das Fenster ist nicht gebaut: out/renderer gibt es nicht.',
  ],
  [
    'Several CPUs need hardware assistance: the {1} runs one, not {2}.',
    'Mehrere CPUs brauchen Hardwareunterstützung: Die Engine {1} führt eine aus, nicht {2}.',
  ],
  [
    'The CPU model {1} is the processor of the host, which the {2} does not use.',
    'Das CPU-Modell {1} ist der Prozessor des Wirts, den die Engine {2} nicht benutzt.',
  ],
  [
    'The {1} lacks features of the CPU model {2}: {3}.',
    'Der Engine {1} fehlt etwas vom CPU-Modell {2}: {3}.',
  ],
  [
    'KVM on this host does not have all of the CPU model {1}: it lacks {2}.',
    'KVM hat auf diesem Rechner nicht alles vom CPU-Modell {1}: Es fehlen {2}.',
  ],
  [
    'More than {1} MiB of memory need KVM: memory of the {2} has 32-bit addresses.',
    'Mehr als {1} MiB Speicher brauchen KVM: Speicher der Engine {2} hat 32-Bit-Adressen.',
  ],
  [
    'A VM with more than {1} MiB of memory stays on KVM: memory of the {2} has 32-bit addresses.',
    'Eine VM mit mehr als {1} MiB Speicher bleibt auf KVM: Speicher der Engine {2} hat 32-Bit-Adressen.',
  ],
  [
    'Set the memory to {1} MiB or less, or choose the engine "kvm" where "guesthouse doctor" finds it usable.',
    'Den Speicher auf höchstens {1} MiB setzen oder die Engine „kvm“ wählen, wo „guesthouse doctor“ sie brauchbar findet.',
  ],
  [
    'The {1} engine runs at most {2} CPUs, not {3}.',
    'Die Engine {1} führt höchstens {2} CPUs aus, nicht {3}.',
  ],
  ['The {1} file {2} {3}.', 'Die Datei {2} ({1}): {3}.'],
  ['There is a VM named "{1}" already.', 'Es gibt schon eine VM namens „{1}“.'],
  [
    'There is a group named "{1}" in the same place already.',
    'An dieser Stelle gibt es schon eine Gruppe namens „{1}“.',
  ],
  ['There is no VM "{1}".', 'Eine VM „{1}“ gibt es nicht.'],
  ['There is no snapshot "{1}".', 'Einen Sicherungspunkt „{1}“ gibt es nicht.'],
  [
    'There is no such group, or it would lie in itself.',
    'Diese Gruppe gibt es nicht, oder sie läge in sich selbst.',
  ],
  ['There is no such task any more.', 'Diese Aufgabe gibt es nicht mehr.'],
  [
    'There is no template for the variables of {1} beside it.',
    'Neben {1} liegt keine Vorlage für die Variablen.',
  ],
  ['There is such a group already.', 'Diese Gruppe gibt es schon.'],
  ['This VM has no graphics card.', 'Diese VM hat keine Grafikkarte.'],
  ['This VM has no network adapter {1}.', 'Diese VM hat keinen Netzadapter {1}.'],
  ['This VM has no serial port {1}.', 'Diese VM hat keinen seriellen Port {1}.'],
  ['This VM has no {1} drive {2}.', 'Diese VM hat kein {1}-Laufwerk {2}.'],
  ['This is still being done.', 'Das ist noch in Arbeit.'],
  ['Try again in a moment.', 'Versuche es gleich noch einmal.'],
  [
    'Try again later, or choose another mirror in the preferences.',
    'Versuche es später noch einmal oder wähle in den Voreinstellungen einen anderen Spiegel.',
  ],
  ['Try again.', 'Versuche es noch einmal.'],
  ['Update Guesthouse to use this VM.', 'Aktualisiere Guesthouse, um diese VM zu benutzen.'],
  ['Version {1} of the configuration is unknown.', 'Version {1} der Konfiguration ist unbekannt.'],
  [
    'Wait until it is done, then try again.',
    'Warte, bis es fertig ist, und versuche es noch einmal.',
  ],
  [
    'Wait until the guest has started a program that reads it.',
    'Warte, bis der Gast ein Programm gestartet hat, das ihn liest.',
  ],
  [
    'Write a name as "*.example.org", an address or a prefix as "10.0.0.0/8", or "any".',
    'Schreibe einen Namen wie „*.example.org“, eine Adresse oder ein Präfix wie „10.0.0.0/8“, oder „any“.',
  ],
  ['{1} cannot be fetched ({2}).', '{1} lässt sich nicht holen ({2}).'],
  [
    '{1} is not the file that the signed list names: its hash differs.',
    '{1} ist nicht die Datei, die die signierte Liste nennt: ihr Hash ist anders.',
  ],
  [
    '{1} is the template of new VMs, which stays as it is.',
    '{1} ist die Vorlage neuer VMs, die bleibt, wie sie ist.',
  ],
  ['{1} is used by {2}.', '{1} wird von {2} benutzt.'],
  ['{1}/InRelease names no {2}.', '{1}/InRelease nennt kein {2}.'],
  ['{1}: "{2}" is not an absolute path.', '{1}: „{2}“ ist kein ganzer Pfad.'],
  [
    '{1}: The configuration cannot be read ({2}).',
    '{1}: Die Konfiguration lässt sich nicht lesen ({2}).',
  ],
  ['{1}: The configuration is damaged: {2}.', '{1}: Die Konfiguration ist beschädigt: {2}.'],
  [
    '{1}: The record of the snapshots cannot be used.',
    '{1}: Das Verzeichnis der Sicherungspunkte ist nicht verwendbar.',
  ],
  ['Check its name and folder.', 'Prüfe ihren Namen und Ordner.'],
  ['Choose another name, or remove it.', 'Wähle einen anderen Namen oder entferne sie.'],
  [
    'Copy it into the folder of the machine and say so in the file, or attach it to a new VM.',
    'Kopiere sie in den Ordner der Maschine und vermerke das in der Datei, oder schließe sie an eine neue VM an.',
  ],
  ['Export it again where it comes from.', 'Exportiere sie dort noch einmal, woher sie kommt.'],
  [
    'Export to a file that ends in .ova, which VirtualBox imports.',
    'Exportiere in eine Datei, die mit .ova endet; VirtualBox importiert sie.',
  ],
  [
    'Machines of VirtualBox can be imported, but not written.',
    'Maschinen von VirtualBox lassen sich importieren, aber nicht schreiben.',
  ],
  [
    'Such files end in .ova, .ovf, .vbox or .guesthouse.',
    'Solche Dateien enden mit .ova, .ovf, .vbox oder .guesthouse.',
  ],
  [
    'The disk {1} lies outside the folder of {2}.',
    'Die Platte {1} liegt außerhalb des Ordners von {2}.',
  ],
  [
    'Only SATA disks can be attached while a VM runs.',
    'Solange eine VM läuft, lassen sich nur SATA-Platten anschließen.',
  ],
  [
    'Only SATA disks can be detached while a VM runs.',
    'Solange eine VM läuft, lassen sich nur SATA-Platten abziehen.',
  ],
  [
    'Power the VM off first, or use a SATA disk.',
    'Schalte die VM zuerst aus, oder nimm eine SATA-Platte.',
  ],
  ['"{1}" has no disk {2}.', '„{1}“ hat keine Platte {2}.'],
  ['Count them in Settings, Storage.', 'Zähle sie in den Einstellungen unter Massenspeicher.'],
  ['There is a file {1} already.', 'Eine Datei {1} gibt es schon.'],
  ['There is no file {1}.', 'Eine Datei {1} gibt es nicht.'],
  ['{1} cannot be imported: {2}.', '{1} lässt sich nicht importieren: {2}.'],
  [
    '{1} is not the name of an appliance, a machine of VirtualBox or a bundle.',
    '{1} ist kein Name einer Appliance, einer Maschine von VirtualBox oder eines Bündels.',
  ],
  // What stands in the places of values.
  ['clone it', 'klonen'],
  ['delete it', 'löschen'],
  ['restore a snapshot', 'einen Sicherungspunkt wiederherstellen'],
  ['change {1}', '{1} ändern'],
  ['floppy', 'Disketten'],
  ['starting', 'gerade am Starten'],
  ['stopping', 'gerade am Anhalten'],
  ['does not exist', 'gibt es nicht'],
  ['is a folder', 'ist ein Ordner'],
  ['no answer', 'keine Antwort'],
  ['the connection broke', 'die Verbindung brach ab'],
  ['the answer is too long', 'die Antwort ist zu lang'],
  [
    'none of the signatures is by a key of the gallery entry',
    'keine der Signaturen ist von einem Schlüssel des Galerieeintrags',
  ],
];
