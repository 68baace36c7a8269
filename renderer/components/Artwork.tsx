/** The mark of Guesthouse: a house with one lit window, in which a prompt waits. */
export function Logo({ size = 32 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 64 64" aria-hidden="true" focusable="false">
      <path
        d="M32 5 4.5 27.5a3 3 0 0 0 1.9 5.3H10V55a4 4 0 0 0 4 4h36a4 4 0 0 0 4-4V32.8h3.6a3 3 0 0 0 1.9-5.3z"
        fill="#0f6674"
      />
      <path d="M32 5 4.5 27.5a3 3 0 0 0 1.9 5.3H32z" fill="#12798a" />
      <rect x="19" y="30" width="26" height="20" rx="3" fill="#ffd58a" />
      <path
        d="m24 35.5 5 4.5-5 4.5"
        fill="none"
        stroke="#5b3a00"
        strokeWidth="3"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
      <path d="M32.5 45H40" stroke="#5b3a00" strokeWidth="3" strokeLinecap="round" />
    </svg>
  );
}

const hues = [188, 32, 262, 140, 338, 212, 54, 300];

function hueOf(text: string): number {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)!) >>> 0;
  return hues[sum % hues.length]!;
}

/** A machine in the list: a little screen in a colour of its own, so that it is found again. */
export function VmIcon({
  id,
  size = 36,
  dimmed = false,
}: {
  readonly id: string;
  readonly size?: number;
  readonly dimmed?: boolean;
}) {
  const hue = hueOf(id);
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 40 40"
      aria-hidden="true"
      focusable="false"
      style={{ flexShrink: 0, ...(dimmed && { filter: 'grayscale(1)', opacity: 0.6 }) }}
    >
      <path d="M15 31h10l1.5 5h-13z" fill={`hsl(${hue} 22% 45%)`} />
      <rect x="10" y="35" width="20" height="2.6" rx="1.3" fill={`hsl(${hue} 22% 45%)`} />
      <rect x="3" y="5" width="34" height="26" rx="4" fill={`hsl(${hue} 38% 38%)`} />
      <rect x="6" y="8" width="28" height="20" rx="2" fill={`hsl(${hue} 45% 14%)`} />
      <path
        d="m11 13.5 4.5 4-4.5 4"
        fill="none"
        stroke={`hsl(${hue} 80% 72%)`}
        strokeWidth="2.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
      <path d="M18 22h7" stroke={`hsl(${hue} 80% 72%)`} strokeWidth="2.4" strokeLinecap="round" />
    </svg>
  );
}

/** An empty house at dusk, for the page without machines. */
export function EmptyHouse() {
  return (
    <svg width="220" height="150" viewBox="0 0 220 150" aria-hidden="true" focusable="false">
      <ellipse cx="110" cy="136" rx="96" ry="9" fill="currentColor" opacity="0.08" />
      <path
        d="M110 14 40 70a5 5 0 0 0 3 9h9v53h116V79h9a5 5 0 0 0 3-9z"
        fill="currentColor"
        opacity="0.13"
      />
      <path d="M110 14 40 70a5 5 0 0 0 3 9h67z" fill="currentColor" opacity="0.08" />
      <g fill="none" stroke="currentColor" strokeWidth="2" strokeDasharray="5 5" opacity="0.45">
        <rect x="66" y="76" width="26" height="22" rx="3" />
        <rect x="128" y="76" width="26" height="22" rx="3" />
      </g>
      <rect x="98" y="70" width="24" height="28" rx="3" fill="#f2b65a" />
      <path
        d="m103 79 5 5-5 5"
        fill="none"
        stroke="#5b3a00"
        strokeWidth="2.6"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
      <path d="M110.500 90H117" stroke="#5b3a00" strokeWidth="2.600" strokeLinecap="round" />
      <rect x="97" y="108" width="26" height="24" rx="3" fill="currentColor" opacity="0.2" />
    </svg>
  );
}
