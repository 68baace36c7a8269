/** Every message and hint of the services' errors has a translation: the sources themselves are asked. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { engineMessagesDe } from './engineMessages.de.ts';
import { kvmMessagesDe } from './kvmMessages.de.ts';
import { nbdMessagesDe } from './nbdMessages.de.ts';
import { serviceMessagesDe } from './serviceMessages.de.ts';
import { kvmVerdict, type KvmFinding } from '../../shared/vm/kvmFinding.ts';
import { translateMessage } from './translateMessage.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folders = [
  ...['main/manager', 'main/server', 'main/gallery', 'shared'],
  ...['emulator/host', 'emulator/block', 'emulator/backends', 'emulator/firmware'],
];
/** Errors that take their texts as arguments, and which. */
const errors: Readonly<Record<string, readonly number[]>> = {
  BlockError: [1],
  HostNetworkError: [1],
  KernelImageError: [0, 1],
};
const known = [...serviceMessagesDe, ...engineMessagesDe, ...nbdMessagesDe, ...kvmMessagesDe];

/** As the table has it: values are numbered. Undefined for what is no text of the source. */
function patterns(node: ts.Expression): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isParenthesizedExpression(node)) return patterns(node.expression);
  if (ts.isConditionalExpression(node))
    return [...patterns(node.whenTrue), ...patterns(node.whenFalse)];
  if (ts.isBinaryExpression(node)) {
    if (node.operatorToken.kind !== ts.SyntaxKind.PlusToken) return patterns(node.right);
    const [left] = patterns(node.left);
    const [right] = patterns(node.right);
    if (left === undefined || right === undefined) return [];
    const count = [...left.matchAll(/\{\d+\}/g)].length;
    return [left + right.replace(/\{(\d+)\}/g, (_, n: string) => `{${Number(n) + count}}`)];
  }
  if (!ts.isTemplateExpression(node)) return [];
  const spans = node.templateSpans.map(({ literal }, index) => `{${index + 1}}${literal.text}`);
  return [node.head.text + spans.join('')];
}

function messagesOf(file: string): string[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const texts: ts.Expression[] = [];
    if (ts.isNewExpression(node))
      for (const index of errors[node.expression.getText()] ?? []) {
        const argument = node.arguments?.[index];
        if (argument) texts.push(argument);
      }
    if (
      text.includes('UserError') &&
      ts.isPropertyAssignment(node) &&
      /^(message|hint)$/.test(node.name.getText())
    )
      texts.push(node.initializer);
    found.push(...texts.flatMap(patterns).filter((one) => /\p{L}{3,}/u.test(one)));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const sources = folders.flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => path.join(folder, name)),
);

test('the messages and hints of the services have their German', () => {
  const translated = new Set(known.map(([english]) => english));
  const wanted = [...new Set(sources.flatMap(messagesOf))];
  expect(wanted.length).toBeGreaterThan(300);
  const missing = wanted.filter((one) => !translated.has(one)).sort();
  // A message that is new today may wait for its translation; English is shown until then.
  expect(missing.length, missing.join('\n')).toBeLessThan(wanted.length / 20);
});

test('a translation has the values of its original', () => {
  const values = (text: string) => [...text.matchAll(/\{\d+\}/g)].map(([one]) => one).sort();
  for (const [english, german] of known) expect(values(german), english).toEqual(values(english));
});

test('messages are translated with what stands in them, and others stay', () => {
  expect(translateMessage('"debian" is not running.', 'de')).toBe('„debian“ läuft nicht.');
  expect(translateMessage('The file /a b/c does not exist.', 'de')).toBe(
    'Die Datei /a b/c gibt es nicht.',
  );
  expect(translateMessage('The QCOW2 image /a is damaged: data at offset 512.', 'de')).toBe(
    'Das QCOW2-Abbild /a ist beschädigt: Daten bei 512.',
  );
  expect(translateMessage('"debian" is not running.', 'en')).toBe('"debian" is not running.');
  expect(translateMessage('Something else.', 'de')).toBe('Something else.');
});

test('what the probe of KVM finds has its German, values and all', () => {
  const noDevice = { kind: 'no-device', virtualization: false, virtual: false } as const;
  const findings: KvmFinding[] = [
    ...[{ kind: 'ready', nsPerInstruction: 1 } as const, { kind: 'other-system' } as const],
    { kind: 'interpreted', nsPerInstruction: 1500, pvm: true },
    { kind: 'interpreted', nsPerInstruction: 1500, pvm: false },
    { kind: 'guest-failed', detail: '#1', pvm: true },
    { kind: 'guest-failed', detail: '#1', pvm: false },
    ...[{ kind: 'no-calls' } as const, { kind: 'busy' } as const, noDevice],
    ...[
      { ...noDevice, virtualization: true },
      { ...noDevice, virtual: true },
    ],
    ...[{ kind: 'no-permission', group: 'kvm' } as const, { kind: 'no-permission' } as const],
    { kind: 'refused', detail: '#1' },
  ];
  for (const { reason, remedy = 'nothing to do' } of findings.map(kvmVerdict))
    for (const text of [reason, remedy]) {
      const german = translateMessage(text, 'de');
      expect(german).not.toBe(text);
      expect(german).not.toMatch(/\b(the|is|module)\b/);
    }
});
