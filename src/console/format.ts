const time = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const number = new Intl.NumberFormat();

/** A time in ms since the epoch, in the reader's time zone. */
export const formatTime = (ms: unknown): string => (typeof ms === 'number' ? time.format(ms) : '–');

/** A number with separators. */
export const formatNumber = (value: unknown): string => (typeof value === 'number' ? number.format(value) : '–');

/** A duration in ms, in its two largest units. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A size in bytes. */
export function formatBytes(bytes: unknown): string {
  if (typeof bytes !== 'number') return '–';
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const step = bytes < 1_000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  return `${number.format(Math.round((bytes / 1_000 ** step) * 10) / 10)} ${units[step]}`;
}

/** Any value of an answer, as a short text. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return formatNumber(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A text or a number of an answer, such as an id. Empty for anything else. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

/** What a failed promise was rejected with, as an error. */
export const errorOf = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(textOf(reason)));

/** `purgeRoom` as `purge room`. */
export const wordsOf = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
