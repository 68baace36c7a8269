export interface LogLine {
  /** In the file, from 0. */
  readonly number: number;
  /** Local time, or '' for a line without one. */
  readonly time: string;
  readonly text: string;
}

/** A line of the file: its time as people write it, and the rest. */
export function logLine(line: string, number: number, language: string): LogLine {
  const match = /^(\d{4}-\d\d-\d\dT\S+Z) (.*)$/s.exec(line);
  const [, stamp, text] = match ?? [];
  if (stamp === undefined || text === undefined) return { number, time: '', text: line };
  const time = new Date(stamp);
  if (Number.isNaN(time.getTime())) return { number, time: '', text: line };
  const form = { dateStyle: 'short', timeStyle: 'medium' } as const;
  return { number, time: time.toLocaleString(language, form), text };
}

/** The parts of a text that match and those that do not, in order; they add up to it. */
export function splitAtMatches(
  text: string,
  wanted: string,
): { readonly text: string; readonly match: boolean }[] {
  if (wanted === '') return [{ text, match: false }];
  const [where, what] = [text.toLowerCase(), wanted.toLowerCase()];
  // Some letters change their number when they become small: then nothing is marked.
  if (where.length !== text.length) return [{ text, match: false }];
  const parts: { text: string; match: boolean }[] = [];
  let at = 0;
  for (let next = where.indexOf(what); next >= 0; next = where.indexOf(what, at)) {
    if (next > at) parts.push({ text: text.slice(at, next), match: false });
    at = next + what.length;
    parts.push({ text: text.slice(next, at), match: true });
  }
  if (at < text.length) parts.push({ text: text.slice(at), match: false });
  return parts;
}
