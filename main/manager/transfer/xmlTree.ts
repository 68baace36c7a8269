/** XML as a tree without its namespaces' prefixes, by fast-xml-parser. */
import { XMLParser } from 'fast-xml-parser';
import { damaged } from './foundMachine.ts';

export interface XmlNode {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlNode[];
  readonly text: string;
}

type Parsed = Record<string, unknown>;
const attributesKey = ':@';
const textKey = '#text';

/** Throws UserError if it is not XML; a document type, whose entities could make it grow, is refused. */
export function parseXml(text: string, path: string): XmlNode {
  if (/<!DOCTYPE/i.test(text)) throw damaged(path, 'it has a document type');
  try {
    const parser = new XMLParser({
      ...{ preserveOrder: true, ignoreAttributes: false, attributeNamePrefix: '' },
      ...{ removeNSPrefix: true, parseTagValue: false, parseAttributeValue: false },
    });
    const roots = (parser.parse(text, true) as Parsed[]).map(nodeOf);
    const root = roots.find(({ name }) => !name.startsWith('?') && name !== textKey);
    if (root === undefined) throw new Error('it is empty');
    return root;
  } catch (error) {
    throw damaged(path, `it is no XML (${(error as Error).message})`);
  }
}

function nodeOf(parsed: Parsed): XmlNode {
  const name = Object.keys(parsed).find((key) => key !== attributesKey) ?? '';
  const inner = parsed[name];
  const list = Array.isArray(inner) ? (inner as Parsed[]) : [];
  return {
    name,
    attributes: Object.fromEntries(
      Object.entries((parsed[attributesKey] as Record<string, unknown> | undefined) ?? {}).map(
        ([key, value]) => [key, String(value)],
      ),
    ),
    children: list.filter((child) => !(textKey in child)).map(nodeOf),
    text: list.map((child) => String(child[textKey] ?? '')).join(''),
  };
}

export const childrenOf = (node: XmlNode | undefined, name: string): readonly XmlNode[] =>
  node?.children.filter((child) => child.name === name) ?? [];

export const childOf = (node: XmlNode | undefined, ...names: readonly string[]) =>
  names.reduce<XmlNode | undefined>((at, name) => childrenOf(at, name)[0], node);

export const textOf = (node: XmlNode | undefined, name: string): string =>
  (childOf(node, name)?.text ?? '').trim();

/** With all that lie below them, however deep. */
export const descendants = (node: XmlNode | undefined, name: string): XmlNode[] =>
  (node?.children ?? []).flatMap((child) => [
    ...(child.name === name ? [child] : []),
    ...descendants(child, name),
  ]);
