/**
 * What makes a Debian of unpacked packages: the state of dpkg's database in which they are unpacked but not configured
 * (dpkg(1), "unpacked"), and a script in the place of init that configures them at the first start, in the guest.
 */
import { createHash } from 'node:crypto';
import type { Paragraph } from './controlFile.ts';
import type { TarEntry } from './debFile.ts';
import type { FileTree } from './fileTree.ts';

export const firstBootPath = 'usr/lib/guesthouse/firstBoot';

/** Marks a disk that is not set up yet. */
const pendingPath = 'var/lib/guesthouse/pending';

export interface UnpackedPackage {
  readonly fields: Paragraph;
  readonly control: readonly TarEntry[];
  /** Absolute paths of its files, as the package has them. */
  readonly paths: readonly string[];
}

/** Of packages in the order in which they may be configured. */
export function writeDpkgState(tree: FileTree, packages: readonly UnpackedPackage[]): void {
  const triggers: string[] = [];
  const named = new Map<string, string[]>();
  const status: string[] = [];
  for (const { fields, control, paths } of packages) {
    const name = fields.get('Package')!;
    const architecture = fields.get('Architecture')!;
    const info = fields.get('Multi-Arch') === 'same' ? `${name}:${architecture}` : name;
    tree.file(`var/lib/dpkg/info/${info}.list`, `${paths.join('\n')}\n`);
    for (const { header, content } of control) {
      const file = header.name.replace(/^\.\//, '');
      if (header.type !== 'file' || file === 'control') continue;
      tree.file(`var/lib/dpkg/info/${info}.${file}`, content, header.mode ?? 0o644);
    }
    const text = (file: string): string =>
      Buffer.from(
        control.find(({ header }) => header.name.replace(/^\.\//, '') === file)?.content ?? [],
      ).toString('utf8');
    for (const line of text('triggers').split('\n')) {
      const match = /^interest(-noawait|-await)?\s+(\S+)/.exec(line);
      if (!match) continue;
      const [, how, what] = match;
      const interest = `${info}${how === '-noawait' ? '/noawait' : ''}`;
      if (what!.startsWith('/')) triggers.push(`${what} ${interest}`);
      else named.set(what!, [...(named.get(what!) ?? []), interest]);
    }
    status.push(statusOf(fields, text('conffiles'), (path) => md5Of(tree, path)));
  }
  tree.file('var/lib/dpkg/status', status.join('\n'));
  tree.file('var/lib/dpkg/info/format', '1\n');
  tree.file('var/lib/dpkg/triggers/File', triggers.map((line) => `${line}\n`).join(''));
  for (const [trigger, interests] of named)
    tree.file(`var/lib/dpkg/triggers/${trigger}`, interests.map((line) => `${line}\n`).join(''));
  for (const empty of ['available', 'diversions', 'statoverride'])
    tree.file(`var/lib/dpkg/${empty}`, '');
  tree.folder('var/lib/dpkg/updates');
  tree.file(pendingPath, packages.map(({ fields }) => `${fields.get('Package')}\n`).join(''));
}

function statusOf(fields: Paragraph, conffiles: string, md5: (path: string) => string): string {
  const kept = [...fields].filter(
    ([name]) => !['Filename', 'Size', 'SHA256', 'MD5sum', 'Description-md5', 'Tag'].includes(name),
  );
  const [first, ...rest] = kept;
  const files = conffiles.split('\n').filter((path) => path.startsWith('/'));
  return [
    first!.join(': '),
    'Status: install ok unpacked',
    ...rest.map((field) => field.join(': ')),
    ...(files.length > 0 ? ['Conffiles:', ...files.map((path) => ` ${path} ${md5(path)}`)] : []),
    '',
  ].join('\n');
}

function md5Of(tree: FileTree, path: string): string {
  const node = tree.get(path);
  return node?.kind === 'file'
    ? createHash('md5').update(node.content).digest('hex')
    : 'newconffile';
}

/** Runs as process 1 on the file system that the initramfs has mounted. Everything may be interrupted and begun again. */
export const firstBootScript = `#!/bin/sh
# Guesthouse: configures the packages when the machine starts for the first time; then, and later at once, init.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=linux
if [ -e /${pendingPath} ]; then
	export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true LC_ALL=C.UTF-8
	log=/var/log/guesthouse-setup.log
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p /run/lock /dev/pts
	mount -t devpts devpts /dev/pts
	total=$(wc -l < /${pendingPath})
	say() { echo "$*"; echo "$*" >> $log; }
	say "Debian is being set up. This happens once, and takes a few minutes."
	printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
	chmod 755 /usr/sbin/policy-rc.d
	for package in $(cat /${pendingPath}); do
		for script in /var/lib/dpkg/info/$package.preinst /var/lib/dpkg/info/$package:*.preinst; do
			[ -x $script ] || continue
			[ -e /var/lib/guesthouse/preinst-$package ] && continue
			DPKG_MAINTSCRIPT_NAME=preinst DPKG_MAINTSCRIPT_PACKAGE=$package \\
				DPKG_MAINTSCRIPT_ARCH=amd64 DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1 DPKG_ADMINDIR=/var/lib/dpkg DPKG_ROOT= \\
				DPKG_RUNNING_VERSION=1.21 $script install >> $log 2>&1 && : > /var/lib/guesthouse/preinst-$package
		done
	done
	configure() {
		dpkg --force-depends --force-unsafe-io --force-confold --status-fd 3 --configure "$@" \
			3>&1 >> $log 2>&1 < /dev/null | while read -r word what package; do
			[ "$word $what" = "processing: configure:" ] || continue
			count=$(($(cat /run/count 2> /dev/null || echo 0) + 1))
			echo $count > /run/count
			echo "[$count/$total] \${package%:*}"
		done
	}
	configure base-passwd base-files libc6 mawk debconf
	configure -a
	if dpkg --audit | grep -q .; then
		say "Some packages could not be set up; see $log. Here is a shell; exit tries again at the next start."
		setsid sh < /dev/console > /dev/console 2>&1
		sync
		echo b > /proc/sysrq-trigger
	fi
	/usr/lib/guesthouse/finish >> $log 2>&1
	rm -rf /usr/sbin/policy-rc.d /${pendingPath} /var/lib/guesthouse/preinst-*
	say "Debian is set up."
	umount /dev/pts /run /sys /proc
	sync
fi
exec /sbin/init "$@"
`;

/** Runs when all packages are configured. */
export const finishScript = `#!/bin/sh
set -x
depmod -a "$(uname -r)"
passwd -d root
systemctl enable systemd-networkd.service
# Shells on six screens that nobody has asked for.
systemctl mask getty-static.service
systemctl disable apt-daily.timer apt-daily-upgrade.timer
`;
