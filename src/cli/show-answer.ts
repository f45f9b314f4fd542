import { isRecord } from '../json.ts';
import { type Output, painter, printable, type Terminal } from './terminal.ts';

type Row = Readonly<Record<string, unknown>>;

/**
 * For each list, by its name: the columns that the table shows first. Other columns follow if the terminal is wide enough. A
 * column without any value is left out.
 */
const FIRST: Readonly<Record<string, readonly string[]>> = {
  rooms: ['room_id', 'name', 'canonical_alias', 'joined_members', 'joined_local_members'],
  users: ['name', 'displayname', 'admin', 'deactivated', 'creation_ts', 'last_seen_ts'],
  jobs: ['id', 'operation', 'target', 'state', 'percent', 'created_ts', 'created_by', 'error'],
  entries: ['ts', 'actor', 'operation', 'target', 'outcome', 'errcode', 'job_id'],
  event_reports: ['id', 'status', 'received_ts', 'room_id', 'sender', 'user_id', 'reason'],
  approvals: ['id', 'state', 'operation', 'target', 'requested_by', 'reason'],
  destinations: ['destination', 'queued_pdus', 'queued_edus', 'failure_ts', 'next_retry_ts', 'blacklisted'],
};

/** Matches the names of fields that are times. */
const TIME = /(?:^|[._])(?:ts|expiry_time|timestamp_ms|before_ms)$/;
/** Width of a table if the output is not a terminal, in characters. */
const UNLIMITED = Number.POSITIVE_INFINITY;
const GAP = '  ';

/** Prints an answer as JSON, or as tables and lines. */
export function showAnswer(terminal: Terminal, answer: unknown, asJson: boolean): void {
  const { stdout } = terminal;
  if (asJson) {
    stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return;
  }
  const width = stdout.isTTY ? (stdout.columns ?? 80) : UNLIMITED;
  for (const line of linesOf(answer, width, terminal, stdout)) stdout.write(`${line}\n`);
}

function linesOf(answer: unknown, width: number, terminal: Terminal, output: Output): string[] {
  const bold = (text: string): string => painter(output, terminal)('bold', text);
  if (Array.isArray(answer)) return tableLines('', answer.map(rowOf), width, bold);
  if (!isRecord(answer)) return [cell('', answer)];
  const lists = Object.entries(answer).filter(
    (entry): entry is [string, unknown[]] => Array.isArray(entry[1]) && entry[1].some((item) => isRecord(item)),
  );
  const [list] = lists;
  const rest = Object.entries(answer).filter(([name]) => name !== list?.[0]);
  const table = list === undefined ? [] : tableLines(list[0], list[1].map(rowOf), width, bold);
  const pairs = flatten(rest);
  const longest = Math.max(0, ...pairs.map(([name]) => name.length));
  const lines = pairs.map(([name, value]) => `${bold(name.padEnd(longest))}${GAP}${cell(name, value)}`);
  const nothing = table.length === 0 && lines.length === 0 ? ['done'] : [];
  return [...table, ...(table.length > 0 && lines.length > 0 ? [''] : []), ...lines, ...nothing];
}

const rowOf = (item: unknown): Row => (isRecord(item) ? item : { value: item });

/** Lists the fields of nested objects, each with its path. Only counts the tables from which nothing was deleted. */
function flatten(entries: readonly (readonly [string, unknown])[]): [string, unknown][] {
  return entries.flatMap(([name, value]): [string, unknown][] => {
    if (!isRecord(value)) return [[name, value]];
    const all = flatten(Object.entries(value).map(([key, inner]) => [`${name}.${key}`, inner] as const));
    const shown = name === 'deleted' ? all.filter(([, rows]) => rows !== 0) : all;
    const none = all.length - shown.length;
    return none === 0 ? shown : [...shown, [name, `nothing from ${none} tables`]];
  });
}

function tableLines(list: string, rows: readonly Row[], width: number, bold: (text: string) => string): string[] {
  const names = [...new Set([...(FIRST[list] ?? []), ...rows.flatMap((row) => Object.keys(row))])].filter((name) =>
    rows.some((row) => row[name] !== undefined && row[name] !== null && row[name] !== ''),
  );
  const columns = names.map((name) => {
    const cells = rows.map((row) => cell(name, row[name]));
    return { name, cells, width: Math.max(name.length, ...cells.map((text) => text.length)) };
  });
  let used = 0;
  // The first column is always shown.
  const shown = columns.filter((column, index) => {
    const fits = index === 0 || used + column.width <= width;
    if (fits) used += column.width + GAP.length;
    return fits;
  });
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => text.padEnd(shown[index]?.width ?? 0))
      .join(GAP)
      .trimEnd();
  return [
    bold(line(shown.map(({ name }) => name))),
    ...rows.map((_row, index) => line(shown.map(({ cells }) => cells[index] ?? ''))),
  ];
}

/** Formats a value for people: times in ISO 8601, lists with commas. */
function cell(name: string, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' && TIME.test(name) && value > 0) {
    // As in Synapse, some times in answers are in seconds.
    return new Date(value < 1e11 ? value * 1_000 : value).toISOString().replace(/\.\d+Z$/, 'Z');
  }
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return printable(value.join(', '));
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
}
