/** What INT 16h gives for a key of scan code set 1, US layout (IBM PS/2 BIOS reference, INT 16h). */

/** Values as scan code * 256 + ASCII; undefined: the combination gives nothing. */
export interface KeyValues {
  readonly plain: number;
  readonly shift: number;
  readonly control: number | undefined;
  readonly alt: number | undefined;
  /** Caps lock swaps plain and shift. */
  readonly letter: boolean;
}

const table = new Map<number, KeyValues>();

const code = (scan: number, ascii: string): number => scan * 256 + ascii.charCodeAt(0);

/** A row of character keys from scan code `first`. */
function row(first: number, plain: string, shift: string): void {
  [...plain].forEach((c, i) => {
    const scan = first + i;
    const letter = c >= 'a' && c <= 'z';
    const control = letter
      ? scan * 256 + (c.charCodeAt(0) & 0x1f)
      : (
          { '[': 0x1a1b, '\\': 0x2b1c, ']': 0x1b1d, '2': 0x0300, '6': 0x071e, '-': 0x0c1f } as const
        )[c as '['];
    // Alt with a digit row key counts from 7800h.
    const alt = scan >= 2 && scan <= 13 ? (0x78 + scan - 2) * 256 : scan * 256;
    table.set(scan, {
      plain: code(scan, c),
      shift: code(scan, shift[i] ?? c),
      control,
      alt,
      letter,
    });
  });
}
row(0x02, '1234567890-=', '!@#$%^&*()_+');
row(0x10, 'qwertyuiop[]', 'QWERTYUIOP{}');
row(0x1e, "asdfghjkl;'`", 'ASDFGHJKL:"~');
row(0x2b, '\\zxcvbnm,./', '|ZXCVBNM<>?');

function key(scan: number, plain: number, shift: number, control?: number, alt?: number): void {
  table.set(scan, { plain, shift, control, alt, letter: false });
}
key(0x01, 0x011b, 0x011b, 0x011b, 0x0100);
key(0x0e, 0x0e08, 0x0e08, 0x0e7f, 0x0e00);
key(0x0f, 0x0f09, 0x0f00, 0x9400, 0xa500);
key(0x1c, 0x1c0d, 0x1c0d, 0x1c0a, 0x1c00);
key(0x39, 0x3920, 0x3920, 0x3920, 0x3920);
for (let i = 0; i < 10; i++) {
  key(0x3b + i, (0x3b + i) << 8, (0x54 + i) << 8, (0x5e + i) << 8, (0x68 + i) << 8);
}
key(0x57, 0x8500, 0x8700, 0x8900, 0x8b00);
key(0x58, 0x8600, 0x8800, 0x8a00, 0x8c00);
// The key beside the left shift of 102-key keyboards.
key(0x56, 0x565c, 0x567c, undefined, undefined);
// Keypad: plain is the cursor key, shift (or Num Lock) the digit.
key(0x37, 0x372a, 0x372a, 0x9600, 0x3700);
key(0x4a, 0x4a2d, 0x4a2d, 0x8e00, 0x4a00);
key(0x4e, 0x4e2b, 0x4e2b, 0x9000, 0x4e00);
const keypad = '789-456+1230.';
const keypadControl = [0x77, 0x8d, 0x84, 0, 0x73, 0x8f, 0x74, 0, 0x75, 0x91, 0x76, 0x92, 0x93];
[...keypad].forEach((c, i) => {
  const scan = 0x47 + i;
  if (c === '-' || c === '+') return;
  key(scan, scan === 0x4c ? 0x4c00 : scan << 8, code(scan, c), (keypadControl[i] ?? 0) << 8);
});

/** Grey cursor keys and the like, after an E0 prefix: E0h as ASCII tells them apart (INT 16h AH=10h). */
const alt = (scan: number): number => (scan + 0x50) << 8;
const grey = new Map<number, KeyValues>();
[0x47, 0x48, 0x49, 0x4b, 0x4d, 0x4f, 0x50, 0x51, 0x52, 0x53].forEach((scan) => {
  const value = (scan << 8) | 0xe0;
  const control = ((keypadControl[scan - 0x47] ?? 0) << 8) | 0xe0;
  grey.set(scan, { plain: value, shift: value, control, alt: alt(scan), letter: false });
});
grey.set(0x1c, { plain: 0xe00d, shift: 0xe00d, control: 0xe00a, alt: 0xa600, letter: false });
grey.set(0x35, { plain: 0xe02f, shift: 0xe02f, control: 0x9500, alt: 0xa400, letter: false });

export const keyValues = (scan: number, extended: boolean): KeyValues | undefined =>
  (extended ? grey : table).get(scan);

/** Keypad digits follow Num Lock. */
export const isKeypad = (scan: number): boolean =>
  scan >= 0x47 && scan <= 0x53 && scan !== 0x4a && scan !== 0x4e;
