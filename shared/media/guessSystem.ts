/** Which system an install medium holds, from its volume label, and what such a machine needs. */

export interface SystemGuess {
  /** For the icon and for tests. */
  readonly id:
    | 'debian'
    | 'ubuntu'
    | 'fedora'
    | 'arch'
    | 'alpine'
    | 'suse'
    | 'windows'
    | 'bsd'
    | 'tool'
    | 'linux';
  /** As its makers write it, with the version where the label tells. */
  readonly name: string;
  readonly memoryMiB: number;
  /** 0: it is used without a disk. */
  readonly diskGiB: number;
}

interface Rule {
  readonly label: RegExp;
  readonly id: SystemGuess['id'];
  readonly name: string;
  readonly memoryMiB: number;
  readonly diskGiB: number;
}

const rules: readonly Rule[] = [
  {
    label: /^debian[ _-]*(\d[\d.]*)?/i,
    id: 'debian',
    name: 'Debian',
    memoryMiB: 1024,
    diskGiB: 20,
  },
  {
    label: /^(?:x|k|l)?ubuntu(?:-server)?[ _-]*(\d[\d.]*)?/i,
    id: 'ubuntu',
    name: 'Ubuntu',
    memoryMiB: 2048,
    diskGiB: 25,
  },
  { label: /^fedora.*?-(\d\d)\b/i, id: 'fedora', name: 'Fedora', memoryMiB: 2048, diskGiB: 20 },
  { label: /^arch(?:linux)?_/i, id: 'arch', name: 'Arch Linux', memoryMiB: 1024, diskGiB: 20 },
  {
    label: /^alpine\D*(\d[\d.]*)?/i,
    id: 'alpine',
    name: 'Alpine Linux',
    memoryMiB: 256,
    diskGiB: 4,
  },
  { label: /^(?:opensuse|suse|sle)/i, id: 'suse', name: 'SUSE', memoryMiB: 2048, diskGiB: 25 },
  {
    label: /^(?:ccc?oma|cpba|sss_|j_|esd-iso|win)/i,
    id: 'windows',
    name: 'Windows',
    memoryMiB: 2048,
    diskGiB: 40,
  },
  {
    label: /^(?:freebsd|openbsd|netbsd|\d+[_.]\d+[_.](?:release|amd64))/i,
    id: 'bsd',
    name: 'BSD',
    memoryMiB: 512,
    diskGiB: 16,
  },
  { label: /^(?:mt86|memtest)/i, id: 'tool', name: 'Memtest86+', memoryMiB: 128, diskGiB: 0 },
  {
    label: /^(?:ipxe|grub|gparted|clonezilla|sysresc|rescue|supergrub)/i,
    id: 'tool',
    name: '',
    memoryMiB: 512,
    diskGiB: 0,
  },
];

/** `label`: an ISO's volume label; `fileName` is asked where that says nothing. */
export function guessSystem(label: string | undefined, fileName: string): SystemGuess | undefined {
  for (const text of [label, fileName.replace(/\.\w+$/, '')]) {
    if (text === undefined) continue;
    for (const rule of rules) {
      const match = rule.label.exec(text);
      if (!match) continue;
      const { id, memoryMiB, diskGiB } = rule;
      const version = match[1]?.replace(/[._-]+$/, '');
      const name = [rule.name === '' ? text : rule.name, version].filter(Boolean).join(' ');
      return { id, name, memoryMiB, diskGiB };
    }
  }
  return undefined;
}
