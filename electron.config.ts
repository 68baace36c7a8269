import { defineConfig } from 'electron-vite';
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Plugin } from 'vite';
import rendererConfig from './renderer.config.ts';

const from = (file: string): string => path.join(import.meta.dirname, file);

/** The VM process looks for the CPU core beside itself. */
const copyCore: Plugin = {
  name: 'copy-core',
  writeBundle() {
    mkdirSync(from('out/main'), { recursive: true });
    copyFileSync(from('emulator/cpu/build/core.wasm'), from('out/main/core.wasm'));
  },
};

/** The desktop app: main process, VM process, preload script and window, all into out/. */
export default defineConfig({
  main: {
    plugins: [copyCore],
    build: {
      outDir: from('out/main'),
      externalizeDeps: true,
      rollupOptions: {
        input: {
          electron: from('main/electron/main.ts'),
          vmProcess: from('emulator/host/vmProcess.ts'),
          diskTool: from('emulator/host/diskTool.ts'),
          machineWorker: from('emulator/host/machineWorker.ts'),
          ramWriterWorker: from('emulator/host/ramWriterWorker.ts'),
        },
        output: { format: 'es', entryFileNames: '[name].js' },
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
