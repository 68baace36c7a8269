/**
 * What has to be installed for some packages (Debian Policy §7). One suite of a release is consistent in itself: versions
 * and conflicts are not looked at, and of alternatives the first is taken that is there already or at all.
 */
import type { Paragraph } from './controlFile.ts';

/**
 * The required packages and those that are named, with all they need, needed ones first as far as there are no circles.
 * @throws Error that names a package which is not there
 */
export function resolvePackages(
  all: ReadonlyMap<string, Paragraph>,
  wanted: readonly string[],
): string[] {
  const providers = new Map<string, string[]>();
  for (const [name, fields] of all)
    for (const provided of listed(fields.get('Provides')).flat())
      providers.set(provided, [...(providers.get(provided) ?? []), name]);
  const chosen = new Set<string>();
  const ordered: string[] = [];
  const required = [...all].filter(
    ([, fields]) => fields.get('Priority') === 'required' || fields.get('Essential') === 'yes',
  );
  const given = [...required.map(([name]) => name), ...wanted];
  const coming = new Set(given);
  const isChosen = (name: string): boolean =>
    [name, ...(providers.get(name) ?? [])].some((each) => chosen.has(each) || coming.has(each));
  const choose = (name: string): void => {
    if (chosen.has(name)) return;
    chosen.add(name);
    const fields = all.get(name);
    if (!fields) throw new Error(`The archive has no package ${name}.`);
    for (const kind of ['Pre-Depends', 'Depends'])
      for (const alternatives of listed(fields.get(kind))) {
        // What comes anyway is no reason for another, but for the order.
        const known = alternatives.find((each) => coming.has(each));
        if (known === undefined && alternatives.some(isChosen)) continue;
        const found = [...(known === undefined ? [] : [known]), ...alternatives]
          .map((each) => (all.has(each) ? each : providers.get(each)?.[0]))
          .find((each) => each !== undefined);
        if (found === undefined)
          throw new Error(`${name} needs ${alternatives.join(' or ')}, which the archive lacks.`);
        choose(found);
      }
    ordered.push(name);
  };
  for (const name of given) choose(name);
  return ordered;
}

/** `a (>= 1) | b, c:any` as [[a, b], [c]]. */
function listed(field = ''): string[][] {
  return field
    .split(',')
    .map((group) =>
      group
        .split('|')
        .map((each) => /^\s*([a-z0-9][a-z0-9.+-]*)/.exec(each)?.[1] ?? '')
        .filter((each) => each !== ''),
    )
    .filter((group) => group.length > 0);
}
