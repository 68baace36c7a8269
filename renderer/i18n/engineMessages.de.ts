/** German of what disk images, kernels and the host's network say; serviceMessages.test.ts finds what is missing. */
import type { MessageTable } from './translateMessage.ts';

export const engineMessagesDe: MessageTable = [
  [
    'The disk image {1} ({2}) cannot be shared: only raw images have no tables that one alone may change.',
    'Das Plattenabbild {1} ({2}) lässt sich nicht gemeinsam benutzen: Nur rohe Abbilder haben keine Tabellen, die einer allein ändern darf.',
  ],
  [
    'The VM has no SATA controller, into which disks can be plugged while it runs.',
    'Die VM hat keinen SATA-Controller, an den sich Platten anschließen ließen, während sie läuft.',
  ],
  [
    'Power it off and attach the disk then; a VM with a SATA drive takes others while it runs.',
    'Schalte sie aus und schließe die Platte dann an; eine VM mit einem SATA-Laufwerk nimmt weitere, während sie läuft.',
  ],
  // The host's network.
  ['Another program uses {1} already.', 'Ein anderes Programm benutzt {1} schon.'],
  ['This user may not open {1}.', 'Dieser Benutzer darf {1} nicht öffnen.'],
  ['This computer has no address {1}.', 'Dieser Computer hat keine Adresse {1}.'],
  ['{1} could not be opened: {2}', '{1} ließ sich nicht öffnen: {2}'],
  [
    'TAP devices and bridges are used on Linux only.',
    'TAP-Geräte und Brücken gibt es nur unter Linux.',
  ],
  [
    'Another program uses the TAP device {1} already.',
    'Ein anderes Programm benutzt das TAP-Gerät {1} schon.',
  ],
  [
    'This user may not use the TAP device {1}.',
    'Dieser Benutzer darf das TAP-Gerät {1} nicht benutzen.',
  ],
  ['This computer has no bridge {1}.', 'Dieser Computer hat keine Brücke {1}.'],
  [
    'The network interface {1} is in no bridge.',
    'Die Netzwerkschnittstelle {1} gehört zu keiner Brücke.',
  ],
  [
    'This user may not join the bridge {1}.',
    'Dieser Benutzer darf sich nicht an die Brücke {1} anschließen.',
  ],
  // Disk images of all formats.
  [
    'Access at {1}+{2} lies outside the disk {3} of {4} bytes.',
    'Der Zugriff bei {1}+{2} liegt außerhalb der Platte {3} mit {4} Bytes.',
  ],
  [
    'The disk image {1} is attached read-only.',
    'Das Plattenabbild {1} ist nur lesbar angeschlossen.',
  ],
  ['A disk of {1} bytes cannot be made.', 'Eine Platte mit {1} Bytes kann nicht angelegt werden.'],
  [
    'An image of the format {1} can only build on one of its own format, not {2}.',
    'Ein Abbild des Formats {1} kann nur auf einem des gleichen Formats aufbauen, nicht {2}.',
  ],
  [
    'A raw image cannot build on another image.',
    'Ein Roh-Abbild kann nicht auf einem anderen aufbauen.',
  ],
  ['There is a file {1} already.', 'Es gibt schon eine Datei {1}.'],
  ['{1} is {2}, not a disk image.', '{1} ist {2}, kein Plattenabbild.'],
  ['The disk image {1} does not exist.', 'Das Plattenabbild {1} gibt es nicht.'],
  [
    'You may not {1} the disk image {2}.',
    'Das Plattenabbild {2} zu öffnen ist nicht erlaubt ({1}).',
  ],
  [
    'The disk image {1} lies on a read-only file system.',
    'Das Plattenabbild {1} liegt auf einem nur lesbaren Dateisystem.',
  ],
  [
    'The host has no space left for the disk image {1}.',
    'Der Host hat keinen Platz mehr für das Plattenabbild {1}.',
  ],
  [
    "The host's file system takes no file of the size of {1}.",
    'Das Dateisystem des Hosts nimmt keine Datei von der Größe von {1}.',
  ],
  [
    'The disk image {1} could not be {2} ({3}).',
    'Am Plattenabbild {1} ist etwas misslungen: {2} ({3}).',
  ],
  [
    'The disk image {1} cannot be locked: its folder takes no new file ({2}).',
    'Das Plattenabbild {1} lässt sich nicht sperren: Sein Ordner nimmt keine neue Datei ({2}).',
  ],
  ['The disk image {1} is in use.', 'Das Plattenabbild {1} wird benutzt.'],
  [
    'The disk image {1} has a lock file of another program: {2}. Remove it if nothing uses the image.',
    'Das Plattenabbild {1} hat die Sperrdatei eines anderen Programms: {2}. Entferne sie, wenn nichts das Abbild benutzt.',
  ],
  [
    'The disk image {1} is in use by {2} on the host {3}; if that is no longer so, remove {4}.',
    'Das Plattenabbild {1} wird von {2} auf dem Rechner {3} benutzt; ist das nicht mehr so, entferne {4}.',
  ],
  [
    'The disk image {1} is in use by {2} (process {3}).',
    'Das Plattenabbild {1} wird von {2} benutzt (Prozess {3}).',
  ],
  [
    'The compressed disk image {1} holds more than {2} GiB.',
    'Im komprimierten Plattenabbild {1} sind mehr als {2} GiB.',
  ],
  [
    'The host has no space in {1} for what the compressed disk image {2} holds.',
    'Der Host hat in {1} keinen Platz für den Inhalt des komprimierten Plattenabbilds {2}.',
  ],
  [
    'The disk image {1} cannot be decompressed ({2}): {3}.',
    'Das Plattenabbild {1} lässt sich nicht entpacken ({2}): {3}.',
  ],
  ['A disk cannot have {1} bytes.', 'Eine Platte kann nicht {1} Bytes haben.'],
  ['The disk in memory is read-only.', 'Die Platte im Speicher ist nur lesbar.'],
  ['{1} is read-only.', '{1} ist nur lesbar.'],
  ['The medium is read-only.', 'Das Medium ist nur lesbar.'],
  [
    'The disk image {1} is compressed ({2}), so no other one can build on it.',
    'Das Plattenabbild {1} ist komprimiert ({2}), also kann kein anderes darauf aufbauen.',
  ],
  [
    'Convert it first: guesthouse disk convert -O qcow2.',
    'Wandle es zuerst um: guesthouse disk convert -O qcow2.',
  ],
  [
    'The disk image {1} is compressed ({2}), so it can only be read; convert it to write to it.',
    'Das Plattenabbild {1} ist komprimiert ({2}) und deshalb nur lesbar; wandle es um, um darauf zu schreiben.',
  ],
  [
    'The disk image {1} has no internal snapshots.',
    'Das Plattenabbild {1} hat keine inneren Sicherungspunkte.',
  ],
  [
    'The disk image {1} builds on the VDI image with the UUID {2}, which is not in its folder or those you allowed.',
    'Das Plattenabbild {1} baut auf dem VDI-Abbild mit der UUID {2} auf, das weder in seinem Ordner noch in den erlaubten liegt.',
  ],
  [
    'The disk image {1} does not say on what it builds.',
    'Das Plattenabbild {1} sagt nicht, worauf es aufbaut.',
  ],
  [
    'The disk image {1} builds on "{2}", which is not a file.',
    'Das Plattenabbild {1} baut auf „{2}“ auf, und das ist keine Datei.',
  ],
  [
    'The disk image {1} builds on itself ({2}).',
    'Das Plattenabbild {1} baut auf sich selbst auf ({2}).',
  ],
  [
    'The disk image {1} builds on {2}, which does not exist.',
    'Das Plattenabbild {1} baut auf {2} auf, und das gibt es nicht.',
  ],
  [
    'The disk image {1} builds on {2}, which lies outside its folder and those you allowed.',
    'Das Plattenabbild {1} baut auf {2} auf, das weder in seinem Ordner noch in den erlaubten liegt.',
  ],
  ['The disk image {1} is empty (0 bytes).', 'Das Plattenabbild {1} ist leer (0 Bytes).'],
  [
    'The guest wants to turn the raw image {1} into another format; attach it with format=raw to allow that.',
    'Der Gast will das Roh-Abbild {1} zu einem anderen Format machen; schließe es mit dem Format „Roh“ an, um das zu erlauben.',
  ],
  ['There is no byte {1}.', 'Ein Byte {1} gibt es nicht.'],
  [
    'The disk {1} lies in several files, so its size cannot be changed; convert it first.',
    'Die Platte {1} liegt in mehreren Dateien, deshalb lässt sich ihre Größe nicht ändern; wandle sie zuerst um.',
  ],
  ['This part of the disk can only be read.', 'Dieser Teil der Platte ist nur lesbar.'],
  [
    'The disk image {1} cannot be compacted: {2}.',
    'Das Plattenabbild {1} lässt sich nicht verdichten: {2}.',
  ],
  [
    'Convert it to another image, which takes no more room than it needs.',
    'Wandle es in ein anderes Abbild um, das nicht mehr Platz nimmt, als es braucht.',
  ],
  ['The work was cancelled.', 'Die Arbeit wurde abgebrochen.'],
  ['The copy was cancelled.', 'Das Kopieren wurde abgebrochen.'],
  // QCOW2.
  ['The QCOW2 image {1} {2}.', 'QCOW2-Abbild {1}: {2}.'],
  ['The path {1} is too long for QCOW2.', 'Der Pfad {1} ist zu lang für QCOW2.'],
  [
    'The QCOW2 image {1} is marked as damaged, so it can only be read.',
    'Das QCOW2-Abbild {1} ist als beschädigt markiert und deshalb nur lesbar.',
  ],
  [
    'The QCOW2 image {1} was not closed and is damaged: {2}.',
    'Das QCOW2-Abbild {1} wurde nicht geschlossen und ist beschädigt: {2}.',
  ],
  [
    'The disk image {1} has no snapshot "{2}".',
    'Das Plattenabbild {1} hat keinen Sicherungspunkt „{2}“.',
  ],
  ['The QCOW2 image {1} is damaged: {2}.', 'Das QCOW2-Abbild {1} ist beschädigt: {2}.'],
  ['an L2 table at offset {1}', 'eine L2-Tabelle bei {1}'],
  ['a subcluster that is both data and zero', 'ein Teilcluster mit Daten und Nullen zugleich'],
  ['a subcluster without a cluster', 'ein Teilcluster ohne Cluster'],
  ['data at offset {1}', 'Daten bei {1}'],
  ['compressed data at offset {1}', 'komprimierte Daten bei {1}'],
  [
    'compressed data at offset {1} cannot be decompressed',
    'komprimierte Daten bei {1} lassen sich nicht entpacken',
  ],
  [
    'compressed data at offset {1} is no whole cluster',
    'komprimierte Daten bei {1} sind kein ganzer Cluster',
  ],
  [
    'The QCOW2 image {1} has snapshots, so its disk cannot be made smaller.',
    'Das QCOW2-Abbild {1} hat Sicherungspunkte, deshalb lässt sich seine Platte nicht verkleinern.',
  ],
  [
    'A QCOW2 image with clusters of {1} bytes cannot have a disk of that size.',
    'Ein QCOW2-Abbild mit Clustern von {1} Bytes kann keine so große Platte haben.',
  ],
  [
    'The QCOW2 image {1} has no room in its header for another backing image; convert it instead.',
    'Das QCOW2-Abbild {1} hat in seinem Kopf keinen Platz für ein anderes Grundabbild; wandle es stattdessen um.',
  ],
  [
    'The QCOW2 image {1} is damaged: reference counts at offset {2}.',
    'Das QCOW2-Abbild {1} ist beschädigt: Referenzzähler bei {2}.',
  ],
  // VDI.
  ['The VDI image {1} is damaged: {2}.', 'Das VDI-Abbild {1} ist beschädigt: {2}.'],
  [
    'The VDI image {1} has the unknown version 0x{2}.',
    'Das VDI-Abbild {1} hat die unbekannte Version 0x{2}.',
  ],
  [
    'The VDI image {1} has extra data in front of its blocks.',
    'Das VDI-Abbild {1} hat Zusatzdaten vor seinen Blöcken.',
  ],
  [
    'The VDI image {1} is damaged: block {2} lies behind its end.',
    'Das VDI-Abbild {1} ist beschädigt: Block {2} liegt hinter seinem Ende.',
  ],
  [
    'The VDI image {1} cannot have a disk of {2} bytes in blocks of {3}; convert it to another image.',
    'Das VDI-Abbild {1} kann mit Blöcken von {3} Bytes keine Platte mit {2} Bytes haben; wandle es in ein anderes um.',
  ],
  // VHD and VHDX.
  ['The VHD image {1} has an unknown version.', 'Das VHD-Abbild {1} hat eine unbekannte Version.'],
  ['The VHD image {1} is damaged: {2}.', 'Das VHD-Abbild {1} ist beschädigt: {2}.'],
  ['A VHD image cannot be larger than 2 TiB.', 'Ein VHD-Abbild kann nicht größer als 2 TiB sein.'],
  [
    'A VHD image cannot have a disk above 2040 GiB.',
    'Ein VHD-Abbild kann keine Platte über 2040 GiB haben.',
  ],
  [
    'The VHD image {1} is damaged: it is cut off.',
    'Das VHD-Abbild {1} ist beschädigt: Es ist abgeschnitten.',
  ],
  ['The VHDX image {1} is damaged: {2}.', 'Das VHDX-Abbild {1} ist beschädigt: {2}.'],
  [
    'The VHDX image {1} has an unknown version.',
    'Das VHDX-Abbild {1} hat eine unbekannte Version.',
  ],
  [
    'The VHDX image {1} needs an unknown region.',
    'Das VHDX-Abbild {1} braucht einen unbekannten Bereich.',
  ],
  [
    'The VHDX image {1} needs unknown metadata.',
    'Das VHDX-Abbild {1} braucht unbekannte Metadaten.',
  ],
  [
    'The VHDX image {1} cannot have a disk of {2} bytes (sectors of {3}, blocks of {4}); convert it to another image.',
    'Das VHDX-Abbild {1} kann keine Platte mit {2} Bytes haben (Sektoren von {3}, Blöcke von {4}); wandle es in ein anderes um.',
  ],
  [
    'The VHDX image {1} builds on another one that was changed since.',
    'Das VHDX-Abbild {1} baut auf einem anderen auf, das seitdem geändert wurde.',
  ],
  [
    'Blocks of VHDX have 1 to 256 MiB, a power of two.',
    'Blöcke von VHDX haben 1 bis 256 MiB, eine Zweierpotenz.',
  ],
  ['The path {1} is too long for VHDX.', 'Der Pfad {1} ist zu lang für VHDX.'],
  // VMDK.
  ['The VMDK image {1} has the version {2}.', 'Das VMDK-Abbild {1} hat die Version {2}.'],
  [
    'The VMDK image {1} has no grain table there yet; convert it to write to it.',
    'Das VMDK-Abbild {1} hat dort noch keine Grain-Tabelle; wandle es um, um darauf zu schreiben.',
  ],
  [
    'The VMDK image {1} cannot have a disk of {2} bytes in grains of {3}; convert it to another image.',
    'Das VMDK-Abbild {1} kann mit Grains von {3} Bytes keine Platte mit {2} Bytes haben; wandle es in ein anderes um.',
  ],
  [
    'The VMDK image {1} cannot be larger than 2 TiB.',
    'Das VMDK-Abbild {1} kann nicht größer als 2 TiB sein.',
  ],
  [
    'The path of the parent is too long for VMDK.',
    'Der Pfad des Grundabbilds ist zu lang für VMDK.',
  ],
  ['The VMDK image {1} is damaged: {2}.', 'Das VMDK-Abbild {1} ist beschädigt: {2}.'],
  [
    'The VMDK image {1} has an extent of the kind {2} {3}.',
    'Das VMDK-Abbild {1} hat einen Teil der Art {2} {3}.',
  ],
  [
    'The VMDK image {1} is damaged: its descriptor.',
    'Das VMDK-Abbild {1} ist beschädigt: seine Beschreibung.',
  ],
  ['The VMDK image {1} is an extent of ESX.', 'Das VMDK-Abbild {1} ist ein Teil von ESX.'],
  [
    'The VMDK image {1} is stream-optimized, which can only be read; convert it to write to it.',
    'Das VMDK-Abbild {1} ist stromoptimiert und deshalb nur lesbar; wandle es um, um darauf zu schreiben.',
  ],
  [
    'The VMDK image {1} does not say on what it builds.',
    'Das VMDK-Abbild {1} sagt nicht, worauf es aufbaut.',
  ],
  [
    'The VMDK image {1} builds on another one that was changed since (CID {2}, not {3}).',
    'Das VMDK-Abbild {1} baut auf einem anderen auf, das seitdem geändert wurde (CID {2}, nicht {3}).',
  ],
  ['The size of flat VMDKs cannot be changed.', 'Die Größe flacher VMDKs lässt sich nicht ändern.'],
  ['The extent {1} is shorter than its VMDK says.', 'Der Teil {1} ist kürzer, als sein VMDK sagt.'],
  // Kernels.
  [
    'The kernel needs memory up to {1}, and the machine has {2}.',
    'Der Kernel braucht Speicher bis {1}, und die Maschine hat {2}.',
  ],
  ['Give the machine at least {1} of memory.', 'Gib der Maschine mindestens {1} Speicher.'],
  [
    "There is no room in the machine's memory for the initrd of {1}.",
    'Im Speicher der Maschine ist kein Platz für die initrd mit {1}.',
  ],
  ['Give the machine more memory.', 'Gib der Maschine mehr Speicher.'],
  [
    "The kernel's command line has {1} bytes; this kernel takes {2}.",
    'Die Kernel-Befehlszeile hat {1} Bytes; dieser Kernel nimmt {2}.',
  ],
  ['Shorten the command line.', 'Kürze die Befehlszeile.'],
  [
    'The kernel speaks boot protocol {1}.{2}; 2.06 is the oldest supported.',
    'Der Kernel spricht das Boot-Protokoll {1}.{2}; 2.06 ist das älteste, das geht.',
  ],
  [
    'Choose a kernel from Linux 2.6.22 or later, built as bzImage.',
    'Wähle einen Kernel ab Linux 2.6.22, als bzImage gebaut.',
  ],
  [
    'The kernel file ends within its setup code.',
    'Die Kerneldatei endet mitten in ihrem Startcode.',
  ],
  ['The kernel is a damaged ELF file: {1}.', 'Der Kernel ist eine beschädigte ELF-Datei: {1}.'],
  ['its header is cut off', 'ihr Kopf ist abgeschnitten'],
  [
    'The kernel is an ELF file for a big-endian processor.',
    'Der Kernel ist eine ELF-Datei für einen Big-Endian-Prozessor.',
  ],
  ['Choose a kernel for x86 PCs.', 'Wähle einen Kernel für x86-PCs.'],
  ['its program headers lie outside the file', 'ihre Programmköpfe liegen außerhalb der Datei'],
  [
    "segment {1} ends beyond the file's {2} bytes",
    'Segment {1} endet jenseits der {2} Bytes der Datei',
  ],
  [
    'The kernel is an ELF file for {1}, not for x86.',
    'Der Kernel ist eine ELF-Datei für {1}, nicht für x86.',
  ],
  [
    'The file is a program for Linux, not a kernel.',
    'Die Datei ist ein Programm für Linux, kein Kernel.',
  ],
  [
    'The file is an ELF file with neither a PVH entry note nor a Multiboot header.',
    'Die Datei ist eine ELF-Datei ohne PVH-Eintrag und ohne Multiboot-Kopf.',
  ],
  [
    'Choose the bzImage of this kernel, or build it with CONFIG_PVH=y.',
    'Wähle das bzImage dieses Kernels oder baue ihn mit CONFIG_PVH=y.',
  ],
  ['The file is {1}, not a kernel.', 'Die Datei ist {1}, kein Kernel.'],
  [
    'The file may be incomplete; copy it again.',
    'Die Datei ist vielleicht unvollständig; kopiere sie noch einmal.',
  ],
  [
    'The Multiboot kernel asks for a feature that does not exist in Multiboot 1.',
    'Der Multiboot-Kernel verlangt etwas, das es in Multiboot 1 nicht gibt.',
  ],
  ['Choose another kernel.', 'Wähle einen anderen Kernel.'],
  [
    'The Multiboot kernel is neither an ELF file nor carries its load addresses.',
    'Der Multiboot-Kernel ist weder eine ELF-Datei, noch nennt er seine Ladeadressen.',
  ],
  ['Choose an ELF kernel.', 'Wähle einen ELF-Kernel.'],
  [
    'The Multiboot kernel has its entry point above 4 GiB.',
    'Der Multiboot-Kernel beginnt oberhalb von 4 GiB.',
  ],
  ['Link it to a lower address.', 'Binde ihn an eine niedrigere Adresse.'],
  [
    'The Multiboot kernel has load addresses that do not fit the file.',
    'Die Ladeadressen des Multiboot-Kernels passen nicht zur Datei.',
  ],
  [
    'The kernel is an ELF file, which the bzImage protocol cannot boot.',
    'Der Kernel ist eine ELF-Datei, die das bzImage-Protokoll nicht starten kann.',
  ],
  ['Leave the boot protocol at "auto".', 'Lass das Boot-Protokoll auf „auto“.'],
  ['The kernel {1}.', 'Der Kernel: {1}.'],
  // Media and appliances.
  ['"{1}" has snapshots of the disk {2}.', '„{1}“ hat Sicherungspunkte der Platte {2}.'],
  [
    'Delete the snapshots first, or convert the disk to another one.',
    'Lösche zuerst die Sicherungspunkte oder wandle die Platte in eine andere um.',
  ],
  [
    'The image {1} builds on {2}, so that cannot be changed.',
    'Das Abbild {1} baut auf {2} auf, deshalb lässt sich das nicht ändern.',
  ],
  [
    'Convert it to another image and resize that.',
    'Wandle es in ein anderes um und ändere dessen Größe.',
  ],
  [
    '{1} builds on {2}, and images of the format {3} cannot be told another place.',
    '{1} baut auf {2} auf, und Abbildern des Formats {3} lässt sich kein anderer Ort nennen.',
  ],
  [
    'Move the file back, or keep its name and folder.',
    'Verschiebe die Datei zurück oder behalte Namen und Ordner.',
  ],
  ['it is no bundle of Guesthouse', 'es ist kein Bündel von Guesthouse'],
  [
    'its description is damaged or of a newer version',
    'seine Beschreibung ist beschädigt oder von einer neueren Version',
  ],
  ['it is no OVF descriptor', 'es ist keine OVF-Beschreibung'],
  ['it describes no machine', 'es beschreibt keine Maschine'],
  [
    'it does not say what hardware the machine has',
    'es sagt nicht, welche Hardware die Maschine hat',
  ],
  [
    'it does not say how much memory the machine has',
    'es sagt nicht, wie viel Speicher die Maschine hat',
  ],
  ['the disk "{1}" has no file', 'die Platte „{1}“ hat keine Datei'],
  ['its disk is compressed by "{1}"', 'seine Platte ist mit „{1}“ komprimiert'],
  ['it is no machine of VirtualBox', 'es ist keine Maschine von VirtualBox'],
  ['the machine is encrypted', 'die Maschine ist verschlüsselt'],
  ['it does not say where its disk {1} is', 'es sagt nicht, wo seine Platte {1} ist'],
  ['it has a file of the name "{1}"', 'es hat eine Datei mit dem Namen „{1}“'],
  ['it is no archive, or it is cut off', 'es ist kein Archiv oder abgeschnitten'],
  ['its descriptor is too large', 'seine Beschreibung ist zu groß'],
  ['it has no descriptor', 'es hat keine Beschreibung'],
  ['it is too large', 'es ist zu groß'],
  ['it names the file "{1}"', 'es nennt die Datei „{1}“'],
  ['the file "{1}" is missing in it', 'die Datei „{1}“ fehlt darin'],
  [
    'the file "{1}" in it is not what its manifest says',
    'die Datei „{1}“ darin ist nicht, was ihr Verzeichnis sagt',
  ],
  [
    'the file "{1}" is not what the manifest says',
    'die Datei „{1}“ ist nicht, was das Verzeichnis sagt',
  ],
  ['it has a document type', 'es hat einen Dokumenttyp'],
  ['it is no XML ({1})', 'es ist kein XML ({1})'],
];
