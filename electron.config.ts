import type { Configuration } from 'electron-builder';
import { defineConfig } from 'electron-vite';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Plugin } from 'vite';
import rendererConfig from './renderer.config.ts';

const from = (file: string): string => path.join(import.meta.dirname, file);

/** Files that programs look for beside themselves: the CPU core, the icons of the tray and of windows on Linux. */
const besidePrograms = {
  'core.wasm': 'emulator/cpu/build/core.wasm',
  'icon.png': 'main/package/icons/256x256.png',
  'tray.png': 'main/package/icons/16x16.png',
  'tray@2x.png': 'main/package/icons/32x32.png',
};
const copyFiles: Plugin = {
  name: 'copy-files',
  writeBundle() {
    mkdirSync(from('out/main'), { recursive: true });
    for (const [name, source] of Object.entries(besidePrograms))
      copyFileSync(from(source), from(`out/main/${name}`));
  },
};

/**
 * Takes Node's modules without their ES module faces: to make those, Node reads every property of each, and so loads what
 * nobody asked for (the streams of stdin, web crypto, workers), a tenth of a second in all.
 */
const plainBuiltins: Plugin = {
  name: 'plain-builtins',
  renderChunk(code) {
    return code.replaceAll(
      /\bimport\s*([^;"'()]+?)\s*from\s*["'](node:[\w/]+)["'];?/g,
      (_, names: string, builtin: string) => {
        const [, whole, some] = /^(?:\* as )?([\w$]+)?,?\s*(\{.*\})?$/s.exec(names) ?? [];
        const value = `globalThis.process.getBuiltinModule("${builtin}")`;
        // Commander asks for it for commands that are programs of their own, of which there is none.
        if (builtin === 'node:child_process' && whole !== undefined)
          return `const ${whole}={get spawn(){return ${value}.spawn}};`;
        const one = whole === undefined ? '' : `const ${whole}=${value};`;
        return some === undefined
          ? one
          : `${one}const ${some.replaceAll(/\s+as\s+/g, ':')}=${value};`;
      },
    );
  },
};

/** V8 reads a file of ASCII as it is; one other character makes it a string of twice the size, at each start. */
const ascii: Plugin = {
  name: 'ascii',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle))
      if (file.type === 'chunk')
        file.code = file.code.replaceAll(
          /[^\0-\x7f]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
  },
};

/**
 * Bundled, so that the command line starts without looking for some hundred files. The others are native, or find their
 * own files at run time.
 */
const bundled = [
  ...['@msgpack/msgpack', 'birpc', 'commander', 'env-paths', 'fast-png'],
  ...['proper-lockfile', 'write-file-atomic', 'ws', 'xz-decompress', 'zod'],
];

/** Small modules that import nothing, which nearly every program uses: one file, as finding and loading each takes its time. */
const leaves =
  /(errors|runExit|keys|typing|kernelImageError|ramWatch|bufferList|diskFormats|nbdAddress|fileHoles|backends\/block)\.ts$/;

/** The desktop app and the command line: main process, VM process, preload script and window, all into out/. */
export default defineConfig({
  main: {
    plugins: [copyFiles, plainBuiltins, ascii],
    // Its build for Node makes a `require` of its own, and electron-vite another.
    resolve: { alias: { fflate: 'fflate/browser' } },
    build: {
      outDir: from('out/main'),
      externalizeDeps: { exclude: bundled },
      rollupOptions: {
        input: {
          electron: from('main/electron/main.ts'),
          guesthouse: from('main/cli/main.js'),
          daemon: from('main/manager/daemon.ts'),
          run: from('emulator/host/run.ts'),
          vmProcess: from('emulator/host/vmProcess.ts'),
          diskTool: from('emulator/host/diskTool.ts'),
          machineWorker: from('emulator/host/machineWorker.ts'),
          ramWriterWorker: from('emulator/host/ramWriterWorker.ts'),
          vcpuThread: from('emulator/vcpu/kvm/vcpuThread.ts'),
        },
        // Chunks beside the programs, because modules of both look for others beside themselves.
        output: {
          format: 'es',
          entryFileNames: '[name].js',
          chunkFileNames: '[name]-[hash].js',
          codeSplitting: { groups: [{ name: 'leaves', test: leaves }] },
          minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
        },
      },
    },
  },
  preload: {
    build: {
      outDir: from('out/preload'),
      externalizeDeps: false,
      rollupOptions: {
        input: { preload: from('main/electron/preload.ts') },
        // A sandboxed preload script is one CommonJS file.
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    ...rendererConfig,
    build: {
      ...rendererConfig.build,
      rollupOptions: { input: from('renderer/index.html') },
    },
  },
});

/** Files that the desktop hands to the app, by the names that shared-mime-info knows, or ours where it knows none. */
const associations = [
  { ext: 'guesthouse', name: 'Guesthouse machine', mimeType: 'application/x-guesthouse-machine' },
  { ext: 'ova', name: 'Virtual appliance', mimeType: 'application/x-virtualbox-ova' },
  { ext: 'ovf', name: 'Virtual appliance description', mimeType: 'application/x-virtualbox-ovf' },
  { ext: 'vbox', name: 'VirtualBox machine', mimeType: 'application/x-virtualbox-vbox' },
  { ext: 'iso', name: 'CD or DVD image', mimeType: 'application/x-cd-image' },
  { ext: 'img', name: 'Disk image', mimeType: 'application/x-raw-disk-image' },
  { ext: 'raw', name: 'Disk image', mimeType: 'application/x-raw-disk-image' },
  { ext: 'qcow2', name: 'QCOW2 disk image', mimeType: 'application/x-qemu-disk' },
  { ext: 'vdi', name: 'VDI disk image', mimeType: 'application/x-virtualbox-vdi' },
  { ext: 'vmdk', name: 'VMDK disk image', mimeType: 'application/x-virtualbox-vmdk' },
  { ext: 'vhd', name: 'VHD disk image', mimeType: 'application/x-virtualbox-vhd' },
  { ext: 'vhdx', name: 'VHDX disk image', mimeType: 'application/x-virtualbox-vhdx' },
].map((association, index) => ({
  ...association,
  role: 'Editor' as const,
  // Ours is opened by us; for the others we are offered.
  rank: index === 0 ? ('Owner' as const) : ('Alternate' as const),
}));

/** The publisher's domain, which package.json's homepage names, backwards: what operating systems know the app by. */
const { homepage } = JSON.parse(readFileSync(from('package.json'), 'utf8')) as { homepage: string };
const appId = new URL(homepage).hostname.split('.').reverse().join('.');

/** What main/package builds of out/, by electron-builder. */
export const packaging: Configuration = {
  appId,
  productName: 'Guesthouse',
  copyright: 'MIT licence',
  directories: { output: 'dist', buildResources: 'main/package/icons' },
  // What runs without being bundled comes from the dependencies in package.json; Node is Electron's here.
  files: [
    ...['out/**', 'package.json', '!**/*.map'],
    '!**/node_modules/{node-bin-*,node-*-x64,node-*-arm64}/**',
    // For other run times than Node.
    ...['!**/node_modules/bare-*/**', '!**/node_modules/openpgp/dist/*.*'],
    ...['!**/node_modules/openpgp/dist/lightweight/**', '!**/node_modules/openpgp/dist/**/*.min.*'],
  ],
  npmRebuild: false,
  asar: true,
  // Native modules are mapped, and the core is read by worker threads of VM processes: both as files of their own.
  asarUnpack: ['**/*.node', 'out/main/core.wasm'],
  electronLanguages: ['en-US', 'de'],
  electronFuses: {
    runAsNode: false,
    enableCookieEncryption: true,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    enableEmbeddedAsarIntegrityValidation: true,
    onlyLoadAppFromAsar: true,
    // The page has a scheme of its own. The last fuse, wasmTrapHandlers, stays on: off doubles the engine's time.
    grantFileProtocolExtraPrivileges: false,
  },
  fileAssociations: associations,
  artifactName: '${name}-${version}-${os}-${arch}.${ext}',
  linux: {
    executableName: 'guesthouse',
    syncDesktopName: true,
    category: 'System;Emulator',
    synopsis: 'Manager for virtual machines with an engine of its own',
    icon: 'main/package/icons',
    desktop: { entry: { Keywords: 'virtual machine;VM;emulator;', StartupNotify: 'true' } },
  },
  deb: { packageCategory: 'otherosfs' },
  rpm: { packageCategory: 'Applications/Emulators' },
  win: { icon: 'main/package/icons/icon.ico' },
  nsis: { oneClick: false, perMachine: false, allowToChangeInstallationDirectory: true },
  portable: { artifactName: '${name}-${version}-portable-${arch}.${ext}' },
  mac: {
    icon: 'main/package/icons/icon.icns',
    category: 'public.app-category.utilities',
    darkModeSupport: true,
    hardenedRuntime: true,
  },
};
