/** German of what the probe of KVM has found (shared/vm/kvmFinding.ts). */
import type { MessageTable } from './translateMessage.ts';

export const kvmMessagesDe: MessageTable = [
  [
    'KVM has run a 64-bit guest, at {1} an instruction',
    'KVM hat einen 64-Bit-Gast ausgeführt, mit {1} je Befehl',
  ],
  [
    'KVM interprets guests here{1}, at {2} an instruction; the translator is faster',
    'KVM interpretiert Gäste hier{1}, mit {2} je Befehl; der Übersetzer ist schneller',
  ],
  ['KVM did not run a 64-bit guest{1}: {2}', 'KVM hat einen 64-Bit-Gast nicht ausgeführt{1}: {2}'],
  [' (module kvm_pvm)', ' (Modul kvm_pvm)'],
  [
    'use a host with kvm_intel or kvm_amd: this host is itself virtual, and its provider decides about that',
    'einen Rechner mit kvm_intel oder kvm_amd nehmen: Dieser ist selbst virtuell, und sein Anbieter entscheidet darüber',
  ],
  ['use a host with kvm_intel or kvm_amd', 'einen Rechner mit kvm_intel oder kvm_amd nehmen'],
  ['look at what "dmesg" says of kvm', 'ansehen, was „dmesg“ über kvm sagt'],
  [
    'look at what "dmesg" says of kvm, and update the kernel',
    'ansehen, was „dmesg“ über kvm sagt, und den Kernel aktualisieren',
  ],
  [
    'KVM is part of Linux on x86-64, which this host does not run',
    'KVM gehört zu Linux auf x86-64, und das läuft hier nicht',
  ],
  ['nothing to do', 'nichts'],
  [
    'the library "koffi", by which KVM is reached, could not be loaded',
    'die Bibliothek „koffi“, über die KVM erreicht wird, ließ sich nicht laden',
  ],
  ['install Guesthouse again', 'Guesthouse neu installieren'],
  ['this user may not open /dev/kvm', 'dieser Benutzer darf /dev/kvm nicht öffnen'],
  [
    'let a group open it: {1}, and join it: {2}, then log in again',
    'einer Gruppe erlauben, es zu öffnen: {1}, und ihr beitreten: {2}, dann neu anmelden',
  ],
  [
    'join the group {1}: {2}, then log in again',
    'der Gruppe {1} beitreten: {2}, dann neu anmelden',
  ],
  [
    'another hypervisor has the processor’s virtualization',
    'ein anderer Hypervisor hat die Virtualisierung des Prozessors',
  ],
  ['end it (VirtualBox, VMware)', 'ihn beenden (VirtualBox, VMware)'],
  ['KVM refused: {1}', 'KVM hat abgelehnt: {1}'],
  [
    'update the kernel: Linux 4.13 or newer is needed',
    'den Kernel aktualisieren: Linux 4.13 oder neuer ist nötig',
  ],
  [
    'there is no /dev/kvm, though the processor has {1}',
    '/dev/kvm fehlt, obwohl der Prozessor {1} hat',
  ],
  [
    'load the module: {1}; if that fails, switch {2} on in the BIOS setup',
    'das Modul laden: {1}; wenn das nicht geht, {2} in den BIOS-Einstellungen einschalten',
  ],
  [
    'there is no /dev/kvm: this host is itself virtual, without nested virtualization',
    '/dev/kvm fehlt: Dieser Rechner ist selbst virtuell, ohne geschachtelte Virtualisierung',
  ],
  [
    'switch nested virtualization on where this host runs (in Hyper-V: {1})',
    'geschachtelte Virtualisierung dort einschalten, wo dieser Rechner läuft (in Hyper-V: {1})',
  ],
  [
    'there is no /dev/kvm, and the processor shows no {1}',
    '/dev/kvm fehlt, und der Prozessor zeigt kein {1}',
  ],
  [
    'switch {1} on in the BIOS setup, if the processor has it',
    '{1} in den BIOS-Einstellungen einschalten, wenn der Prozessor es hat',
  ],
  ['the CPU model guesthouse-v2 is not for KVM', 'das CPU-Modell guesthouse-v2 ist nichts für KVM'],
  [
    'Time of this VM is counted by instructions, so it stays on its engine.',
    'Die Zeit dieser VM wird nach Befehlen gezählt, darum bleibt sie, wo sie läuft.',
  ],
  ['The VM stays on its engine: {1}.', 'Die VM bleibt, wo sie läuft: {1}.'],
  [
    'A VM that is started with the engine "kvm", or "auto" where that takes KVM, can move.',
    'Wechseln kann eine VM, die mit „kvm“ gestartet wird, oder mit „auto“, wo das KVM nimmt.',
  ],
  [
    'The engine that it starts on is one of its settings: "guesthouse modify --engine".',
    'Worauf sie startet, ist eine ihrer Einstellungen: „guesthouse modify --engine“.',
  ],
  ['The probe of KVM did not end well: {1}', 'Der Versuch mit KVM ist nicht gut ausgegangen: {1}'],
  ['time is counted by instructions', 'die Zeit wird nach Befehlen gezählt'],
  ['Machines run on the translator.', 'Maschinen laufen auf dem Übersetzer.'],
];
