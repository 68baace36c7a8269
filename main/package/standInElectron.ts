/**
 * Stands where Electron's program cannot be had, so that everything else of a package can be built and looked at: the
 * files that electron-builder expects of a distribution of Electron, none of which does anything but say what it is.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { NtExecutable, NtExecutableResource, Resource } from 'resedit';

export const standInNotice =
  'This is Guesthouse packaged without Electron, which could not be had where it was built. It cannot run.';

const sentinel = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
/** Version 1 of the fuses, of which there are nine, as Electron delivers them: the last is wasmTrapHandlers. */
const fuses = Buffer.from(`${sentinel}\x01\x09101100011`, 'latin1');

/** Writes a stand-in for `platform` into `folder`, which is made. */
export function writeStandIn(folder: string, platform: 'linux' | 'win32' | 'darwin'): void {
  const write = (name: string, content: string | Buffer, mode?: number): void => {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
  };
  const script = `#!/bin/sh\necho '${standInNotice}' >&2\nexit 1\n`;
  if (platform === 'darwin') return writeMac(write, script);
  write('LICENSE', standInNotice);
  write('LICENSES.chromium.html', standInNotice);
  for (const language of ['en-US', 'de']) write(`locales/${language}.pak`, '');
  if (platform === 'linux') {
    write('electron', Buffer.concat([Buffer.from(script), fuses, Buffer.from('\n')]), 0o755);
    write('chrome-sandbox', script, 0o755);
  } else {
    write('electron.exe', Buffer.concat([emptyProgram(), fuses]));
  }
}

/** A program for Windows without code, but with the version that packaging writes over. */
function emptyProgram(): Buffer {
  const program = NtExecutable.createEmpty(false, false);
  const resources = NtExecutableResource.from(program);
  const version = Resource.VersionInfo.createEmpty();
  version.setFileVersion(1, 0, 0, 0, 1033);
  version.setStringValues({ lang: 1033, codepage: 1200 }, { FileDescription: standInNotice });
  version.outputToResourceEntries(resources.entries);
  resources.outputResource(program);
  return Buffer.from(program.generate());
}

function writeMac(
  write: (name: string, content: string | Buffer, mode?: number) => void,
  script: string,
): void {
  const contents = 'Electron.app/Contents';
  const bundle = (folder: string, name: string): void => {
    write(
      `${folder}/Info.plist`,
      `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict><key>CFBundleExecutable</key><string>${name}</string><key>CFBundlePackageType</key><string>APPL</string></dict></plist>
`,
    );
    write(`${folder}/MacOS/${name}`, script, 0o755);
  };
  bundle(contents, 'Electron');
  for (const kind of ['', ' (Renderer)', ' (Plugin)', ' (GPU)']) {
    const name = `Electron Helper${kind}`;
    bundle(`${contents}/Frameworks/${name}.app/Contents`, name);
  }
  const framework = `${contents}/Frameworks/Electron Framework.framework`;
  write(`${framework}/Electron Framework`, fuses, 0o755);
  for (const language of ['en', 'de']) {
    write(`${contents}/Resources/${language}.lproj/locale.pak`, '');
    write(`${framework}/Versions/A/Resources/${language}.lproj/locale.pak`, '');
  }
  write(`${contents}/Resources/electron.icns`, '');
  write('LICENSE', standInNotice);
  write('LICENSES.chromium.html', standInNotice);
}
