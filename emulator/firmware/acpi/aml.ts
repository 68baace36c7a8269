/**
 * ACPI Machine Language, ACPI 6.4 §20.2: a function for each construct the DSDT uses, returning
 * its bytes. Expressions are bytes as well, so they nest by concatenation.
 */
export type Aml = Uint8Array;

export function join(parts: readonly Aml[]): Aml {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

const op = (...bytes: number[]): Aml => Uint8Array.from(bytes);

/** §20.2.2 NameString: segments of up to four characters, `\` and `^` prefixes, dots between. */
export function nameString(path: string): Aml {
  const prefix = /^[\\^]*/.exec(path)?.[0] ?? '';
  const rest = path.slice(prefix.length);
  const segments = rest === '' ? [] : rest.split('.');
  const bytes = [...prefix].map((c) => c.charCodeAt(0));
  if (segments.length === 0) bytes.push(0);
  else if (segments.length === 2) bytes.push(0x2e);
  else if (segments.length > 2) bytes.push(0x2f, segments.length);
  for (const segment of segments) {
    if (!/^[A-Z_][A-Z0-9_]{0,3}$/.test(segment)) throw new RangeError(`AML name ${path}`);
    for (const c of segment.padEnd(4, '_')) bytes.push(c.charCodeAt(0));
  }
  return Uint8Array.from(bytes);
}

/** §20.2.4 PkgLength counts itself; `extra` is 0 where the length stands alone, as in fields. */
function packageLength(length: number, countsItself: boolean): Aml {
  for (let size = 1; size <= 4; size++) {
    const total = length + (countsItself ? size : 0);
    if (size === 1 ? total < 0x40 : total < 2 ** (4 + 8 * (size - 1))) {
      if (size === 1) return op(total);
      const bytes = [((size - 1) << 6) | (total & 15)];
      for (let i = 1; i < size; i++) bytes.push((total >>> (4 + 8 * (i - 1))) & 0xff);
      return Uint8Array.from(bytes);
    }
  }
  throw new RangeError('AML package too long');
}

function sized(opcode: Aml, parts: readonly Aml[]): Aml {
  const body = join(parts);
  return join([opcode, packageLength(body.length, true), body]);
}

/** §20.2.3 integer constants, shortest form. */
export function integer(n: number): Aml {
  if (n === 0) return op(0x00);
  if (n === 1) return op(0x01);
  if (n < 0x100) return op(0x0a, n);
  if (n < 0x10000) return op(0x0b, n & 0xff, n >>> 8);
  return op(0x0c, n & 0xff, (n >>> 8) & 0xff, (n >>> 16) & 0xff, (n >>> 24) & 0xff);
}

export const text = (s: string): Aml => join([op(0x0d), new TextEncoder().encode(s), op(0)]);

/** §19.3.4 EISAID: three letters and four hexadecimal digits, compressed. */
export function eisaId(id: string): Aml {
  const letter = (i: number): number => id.charCodeAt(i) - 0x40;
  const vendor = (letter(0) << 10) | (letter(1) << 5) | letter(2);
  const product = Number.parseInt(id.slice(3), 16);
  return op(0x0c, vendor >>> 8, vendor & 0xff, product >>> 8, product & 0xff);
}

export const define = (name: string, value: Aml): Aml => join([op(0x08), nameString(name), value]);
export const scope = (name: string, ...body: Aml[]): Aml =>
  sized(op(0x10), [nameString(name), ...body]);
export const device = (name: string, ...body: Aml[]): Aml =>
  sized(op(0x5b, 0x82), [nameString(name), ...body]);
export const method = (name: string, argumentCount: number, ...body: Aml[]): Aml =>
  sized(op(0x14), [nameString(name), op(argumentCount), ...body]);
export const packageOf = (...elements: Aml[]): Aml =>
  sized(op(0x12), [op(elements.length), ...elements]);
export const buffer = (bytes: Uint8Array): Aml => sized(op(0x11), [integer(bytes.length), bytes]);

export const argument0 = op(0x68);
export const local0 = op(0x60);
export const store = (value: Aml, target: Aml): Aml => join([op(0x70), value, target]);
export const returns = (value: Aml): Aml => join([op(0xa4), value]);
export const and = (a: Aml, b: Aml, target: Aml = op(0)): Aml => join([op(0x7b), a, b, target]);
export const or = (a: Aml, b: Aml, target: Aml = op(0)): Aml => join([op(0x7d), a, b, target]);
export const findSetRightBit = (a: Aml, target: Aml): Aml => join([op(0x82), a, target]);
export const decrement = (target: Aml): Aml => join([op(0x76), target]);
export const shiftLeft = (a: Aml, count: Aml, target: Aml): Aml =>
  join([op(0x79), a, count, target]);
export const when = (condition: Aml, ...body: Aml[]): Aml => sized(op(0xa0), [condition, ...body]);
export const createWordField = (source: Aml, byteIndex: number, name: string): Aml =>
  join([op(0x8b), source, integer(byteIndex), nameString(name)]);

/** §20.2.5.2 OperationRegion; space 2 is PCI configuration. */
export const operationRegion = (name: string, space: number, offset: number, length: number): Aml =>
  join([op(0x5b, 0x80), nameString(name), op(space), integer(offset), integer(length)]);

/** Field of whole bytes, byte access, no lock, other bits preserved. */
export const byteFields = (region: string, names: readonly string[]): Aml =>
  sized(op(0x5b, 0x81), [
    nameString(region),
    op(0x01),
    ...names.flatMap((name) => [nameString(name), packageLength(8, false)]),
  ]);
