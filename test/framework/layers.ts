/**
 * The layer rules of docs/architecture.md as lint configuration: who may import whom, who may
 * import node:* and who may import electron.
 */
import path from 'node:path';
import type { Rule } from 'eslint';
import type { Linter } from 'eslint';

const root = path.resolve(import.meta.dirname, '../..');

/** Folder → the folders of ours it may import from (itself always). Longest match wins. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  'emulator/isa': [],
  'emulator/cpu': [],
  'emulator/translator': ['emulator/isa', 'emulator/cpu/layout.ts'],
  'emulator/bus': ['shared'],
  'emulator/block': ['shared', 'emulator/backends'],
  'emulator/backends': ['shared', 'emulator/block'],
  // Host sockets and clocks come through contracts in backends and of its own.
  'emulator/net': ['shared', 'emulator/backends'],
  'emulator/devices': ['emulator/bus', 'emulator/backends', 'shared'],
  'emulator/vcpu': ['emulator/translator', 'emulator/bus', 'shared', 'emulator/cpu/layout.ts'],
  'emulator/firmware': [
    'emulator/bus',
    'emulator/backends',
    'emulator/vcpu/vcpu.ts',
    // Network boot makes packets as the network stack does.
    'emulator/net/packet',
    'shared',
  ],
  'emulator/machine': [
    'emulator/devices',
    'emulator/bus',
    'emulator/backends',
    'emulator/firmware',
    'emulator/vcpu',
    'shared',
  ],
  'emulator/host': ['emulator', 'shared'],
  main: ['shared', 'emulator/host/paths.ts', 'emulator/host/serverPorts.ts'],
  // Makes packages of what is built; no part of the app.
  'main/package': ['electron.config.ts'],
  renderer: ['shared'],
};

const mayUseNode = [
  'main',
  'emulator/host',
  'emulator/backends/node',
  'emulator/block/file',
  'emulator/vcpu/kvm',
  // Build-time programs, which are not part of the data plane.
  'emulator/isa/gen',
  'emulator/cpu/build.ts',
];

const within = (file: string, folder: string): boolean =>
  file === folder || file.startsWith(folder.endsWith('.ts') ? folder : `${folder}/`);

const layers: Rule.RuleModule = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const file = path.relative(root, context.filename).split(path.sep).join('/');
    const home = Object.keys(allowed)
      .filter((folder) => within(file, folder))
      .sort((a, b) => b.length - a.length)[0];
    if (home === undefined || /\.test\.tsx?$/.test(file)) return {};
    const check = (node: Rule.Node, specifier: unknown): void => {
      if (typeof specifier !== 'string') return;
      if (specifier.startsWith('node:')) {
        if (!mayUseNode.some((folder) => file.startsWith(folder)))
          context.report({ node, message: `${home} may not import ${specifier}.` });
        return;
      }
      if (specifier === 'electron' && !within(file, 'main/electron'))
        context.report({ node, message: 'Only main/electron imports electron.' });
      if (!specifier.startsWith('.')) return;
      const target = path
        .relative(root, path.resolve(path.dirname(context.filename), specifier))
        .split(path.sep)
        .join('/');
      const permitted = [home, ...(allowed[home] ?? [])];
      if (!permitted.some((folder) => within(target, folder)))
        context.report({
          node,
          message: `${home} may not import ${target} (docs/architecture.md).`,
        });
    };
    return {
      ImportDeclaration: (node) => check(node, node.source.value),
      ExportNamedDeclaration: (node) => check(node as Rule.Node, node.source?.value),
      ExportAllDeclaration: (node) => check(node, node.source.value),
      ImportExpression: (node) =>
        check(node, node.source.type === 'Literal' ? node.source.value : undefined),
    };
  },
};

export const layerRules: Linter.Config[] = [
  {
    files: ['shared/**', 'main/**', 'renderer/**', 'emulator/**'],
    plugins: { guesthouse: { rules: { layers } } },
    rules: { 'guesthouse/layers': 'error' },
  },
];
