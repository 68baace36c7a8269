/** Counters for people: known ones by their words, the others under their own names. */
export function counterRows(counters: Readonly<Record<string, number>>): [string, string][] {
  return Object.entries(counters).map(([name, value]) => [
    words(name),
    Number.isInteger(value)
      ? value.toLocaleString('en')
      : value.toLocaleString('en', { maximumFractionDigits: 1 }),
  ]);
}

/** `diskReads` → `Disk reads`; `virtioBlk0.reads` → `Virtio blk0 reads`. */
function words(name: string): string {
  const spaced = name
    .replace(/[._-]+/g, ' ')
    .replace(
      /([a-z\d])([A-Z])/g,
      (_, before: string, letter: string) => `${before} ${letter.toLowerCase()}`,
    );
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
