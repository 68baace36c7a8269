const upper =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀' +
  'αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ';
const lower = ' ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼';

function unicodeOf(code: number): string {
  if (code < 0x20) return lower.charAt(code);
  if (code === 0x7f) return '⌂';
  return code < 0x80 ? String.fromCharCode(code) : upper.charAt(code - 0x80);
}

/** Characters of the PC's font, code page 437, as Unicode. */
export const codePage437: readonly string[] = Array.from({ length: 256 }, (_, code) =>
  unicodeOf(code),
);
