/**
 * The ten time bytes of the MC146818 and the century byte, in the formats that register B selects
 * (datasheet table 2): bit 2 binary instead of BCD, bit 1 24-hour instead of 12-hour.
 */
const B_BINARY = 4;
const B_24_HOURS = 2;
const PM = 0x80;

const SECONDS = 0;
const MINUTES = 2;
const HOURS = 4;
const WEEKDAY = 6;
const DAY = 7;
const MONTH = 8;
const YEAR = 9;
const CENTURY = 0x32;

/** Indices of the bytes that make up the time; alarms are not among them. */
export const rtcTimeBytes: readonly number[] = [
  SECONDS,
  MINUTES,
  HOURS,
  WEEKDAY,
  DAY,
  MONTH,
  YEAR,
  CENTURY,
];

export function formatRtcTime(ms: number, bytes: Uint8Array, registerB: number): void {
  const encode = (n: number): number =>
    (registerB & B_BINARY) !== 0 ? n : (Math.floor(n / 10) << 4) | (n % 10);
  const time = new Date(ms);
  const hours = time.getUTCHours();
  bytes[SECONDS] = encode(time.getUTCSeconds());
  bytes[MINUTES] = encode(time.getUTCMinutes());
  bytes[HOURS] =
    (registerB & B_24_HOURS) !== 0
      ? encode(hours)
      : encode(hours % 12 || 12) | (hours >= 12 ? PM : 0);
  bytes[WEEKDAY] = encode(time.getUTCDay() + 1);
  bytes[DAY] = encode(time.getUTCDate());
  bytes[MONTH] = encode(time.getUTCMonth() + 1);
  bytes[YEAR] = encode(time.getUTCFullYear() % 100);
  bytes[CENTURY] = encode(Math.floor(time.getUTCFullYear() / 100));
}

/** Milliseconds since the epoch, whole seconds. Fields out of range carry over as in a Date. */
export function parseRtcTime(bytes: Uint8Array, registerB: number): number {
  const decode = (n: number): number =>
    (registerB & B_BINARY) !== 0 ? n : (n >>> 4) * 10 + (n & 15);
  const field = (index: number): number => decode(bytes[index] ?? 0);
  const rawHours = bytes[HOURS] ?? 0;
  const hours =
    (registerB & B_24_HOURS) !== 0
      ? decode(rawHours)
      : (decode(rawHours & ~PM) % 12) + ((rawHours & PM) !== 0 ? 12 : 0);
  const year = field(CENTURY) * 100 + field(YEAR);
  return Date.UTC(year, field(MONTH) - 1, field(DAY), hours, field(MINUTES), field(SECONDS));
}
