import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { catalogues, languages, t } from './i18n.ts';

type Tree = { readonly [name: string]: string | Tree };

/** Every text by its place. */
function texts(tree: Tree, place = ''): [string, string][] {
  return Object.entries(tree).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[place + name, value]] : texts(value, `${place}${name}.`),
  );
}

const values = (text: string): string[] =>
  [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([one]) => one).sort();

describe('the catalogues', () => {
  const english = new Map(texts(catalogues.en));

  it.each(languages)('of %s has every text, with the values of the English one', (language) => {
    const others = new Map(texts(catalogues[language]));
    expect([...others.keys()].sort()).toEqual([...english.keys()].sort());
    for (const [place, text] of others) {
      expect(text.trim(), place).not.toBe('');
      expect(values(text), place).toEqual(values(english.get(place) ?? ''));
    }
  });

  it('of other languages are translations', () => {
    const same = texts(catalogues.de).filter(
      ([place, text]) =>
        text === english.get(place) &&
        /\p{L}{4,}.*\s\p{L}{4,}/u.test(text.replace(/\{\{.*?\}\}/g, '')),
    );
    expect(same.map(([place]) => place)).toEqual([]);
  });

  it('put values and plurals in their places', () => {
    expect(t('drop.title', { count: 1 })).toBe('Dropped file');
    expect(t('drop.title', { count: 3 })).toBe('3 dropped files');
    expect(t('screen.of', { name: '<b> & "x"' })).toBe('Screen of <b> & "x"');
  });
});

const root = path.resolve(import.meta.dirname, '..');
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
  (file) => /\.tsx$/.test(file) && !/\.test\.tsx$/.test(file),
);

/** Attributes whose values people read or hear. */
const spoken =
  /^(label|title|alt|placeholder|tip|text|word|why|help|helperText|closeText|aria-(label|description|roledescription|valuetext))$/;
const isText = (text: string): boolean => /\p{L}{2,}/u.test(text);

/** What a binary expression can result in: comparisons result in no text. */
function operands({ left, right, operatorToken: { kind } }: ts.BinaryExpression): ts.Expression[] {
  if (kind === ts.SyntaxKind.AmpersandAmpersandToken) return [right];
  const both = [
    ts.SyntaxKind.BarBarToken,
    ts.SyntaxKind.QuestionQuestionToken,
    ts.SyntaxKind.PlusToken,
  ];
  return both.includes(kind) ? [left, right] : [];
}

/** Texts in a component that are not from a catalogue. */
function literals(file: string): string[] {
  const source = ts.createSourceFile(
    file,
    readFileSync(path.join(root, file), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
    ts.ScriptKind.TSX,
  );
  const found: string[] = [];
  const tell = (node: ts.Node, text: string): void => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    if (isText(text)) found.push(`${file}:${line + 1} ${text.trim()}`);
  };
  /** Strings that an expression can result in, without those that it passes on. */
  const results = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) tell(node, node.text);
    else if (ts.isTemplateExpression(node))
      for (const part of [node.head, ...node.templateSpans.map(({ literal }) => literal)])
        tell(node, part.text);
    else if (ts.isConditionalExpression(node)) [node.whenTrue, node.whenFalse].forEach(results);
    else if (ts.isBinaryExpression(node)) operands(node).forEach(results);
    else if (ts.isParenthesizedExpression(node)) results(node.expression);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node)) tell(node, node.text);
    if (ts.isJsxExpression(node) && node.expression && !ts.isJsxAttribute(node.parent))
      results(node.expression);
    if (ts.isJsxAttribute(node) && spoken.test(node.name.getText()) && node.initializer) {
      const { initializer } = node;
      results(
        ts.isJsxExpression(initializer) && initializer.expression
          ? initializer.expression
          : initializer,
      );
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe('components', () => {
  it('have no texts of their own', () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(sources.flatMap(literals)).toEqual([]);
  });
});
