const time = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const number = new Intl.NumberFormat();

/** Formats a time in ms since the epoch, in the time zone of the reader. Returns a dash for a value that is not a number. */
export const formatTime = (ms: unknown): string => (typeof ms === 'number' ? time.format(ms) : '–');

/** Formats a number with separators. Returns a dash for a value that is not a number. */
export const formatNumber = (value: unknown): string => (typeof value === 'number' ? number.format(value) : '–');

/** Formats a duration in ms, in its one or two largest units. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Formats a size, given in bytes, in a unit from bytes to TB. Returns a dash for a value that is not a number. */
export function formatBytes(bytes: unknown): string {
  if (typeof bytes !== 'number') return '–';
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const step = bytes < 1_000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  return `${number.format(Math.round((bytes / 1_000 ** step) * 10) / 10)} ${units[step]}`;
}

/** Formats any value of an answer as a short text. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return formatNumber(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Returns a text or a number of an answer, such as an id, as a text. Returns an empty text for any other value. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';

/** Returns the reason of a rejected promise as an error. */
export const errorOf = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(textOf(reason)));

/** Turns a name such as `purgeRoom` into words such as `purge room`. */
export const wordsOf = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
