import type { JobBody } from '../client/admin-client.ts';
import { painter, printable, type Terminal } from './terminal.ts';

const GAP = '  ';
/**
 * `LONGEST_BAR` and `SHORTEST_BAR` are the maximum and minimum width of the progress bar, in characters. If the line has no
 * room for the shortest bar, there is no bar.
 */
const LONGEST_BAR = 24;
const SHORTEST_BAR = 6;
/** Width of a line if the output is not a terminal, in characters. */
const LINE = 120;
/** Minimum time between two lines if the output is not a terminal, in ms. */
const LINE_EVERY_MS = 10_000;

/** Shows the progress of a job. */
export interface JobProgress {
  readonly show: (job: JobBody) => void;
  /** Ends the display. Clears its line on a terminal. */
  readonly end: () => void;
}

/**
 * Creates a display of a job's progress. On a terminal, the display is a single line that is drawn again after each change. On
 * other outputs, the display prints a new line after a change, at most every ten seconds.
 */
export function createJobProgress(terminal: Terminal): JobProgress {
  const { stderr } = terminal;
  if (!stderr.isTTY) return createLineProgress(terminal);
  const paint = painter(stderr, terminal);
  let last: JobBody | undefined;
  const draw = (): void => {
    if (last === undefined) return;
    // The line is shorter than the terminal is wide. A terminal wraps a line of its full width, and this display cannot
    // overwrite a wrapped line.
    const line = lineOf(last, Math.max((stderr.columns ?? 80) - 1, 10));
    stderr.write(`\r${paint('dim', line)}\u001b[K`);
  };
  stderr.on('resize', draw);
  return {
    show: (job) => {
      last = job;
      draw();
    },
    end: () => {
      stderr.off('resize', draw);
      if (last !== undefined) stderr.write('\r\u001b[K');
    },
  };
}

function createLineProgress({ stderr }: Terminal): JobProgress {
  let shownAt = Date.now();
  return {
    show: (job) => {
      if (Date.now() - shownAt < LINE_EVERY_MS) return;
      shownAt = Date.now();
      stderr.write(`${lineOf(job, LINE)}\n`);
    },
    end: () => {},
  };
}

const number = new Intl.NumberFormat('en');

/**
 * Describes a job in one line. The most important facts come first. Facts that do not fit are left out.
 * @param width in characters
 */
function lineOf(job: JobBody, width: number): string {
  const { percent, done, total, rate, eta_ms: eta } = job;
  const counted = total === null ? number.format(done) : `${number.format(done)} of ${number.format(total)}`;
  const what = printable(job.phase === null ? job.operation : `${job.operation}: ${job.phase}`);
  const parts = [
    ...(percent === null ? [] : [`${Math.floor(percent)} %`]),
    ...(eta === null ? [] : [`${duration(eta)} left`]),
    ...(done === 0 && total === null ? [] : [counted]),
    ...(rate === null ? [] : [`${number.format(Math.round(rate))}/s`]),
    ...(job.state === 'running' ? [] : [job.state]),
    ...(job.attempts > 1 ? [`attempt ${job.attempts}`] : []),
    ...(job.error === null ? [] : [printable(job.error)]),
  ];
  const room = width - [what, ...parts].join(GAP).length - GAP.length;
  const bar = percent !== null && room >= SHORTEST_BAR ? [barOf(percent, Math.min(room, LONGEST_BAR))] : [];
  return [what, ...bar, ...parts]
    .reduce((line, part) => (line.length + GAP.length + part.length > width ? line : line + GAP + part))
    .slice(0, width);
}

/** Draws a progress bar. @param width the width in characters */
function barOf(percent: number, width: number): string {
  const full = Math.round((percent / 100) * width);
  return `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
}

/** Formats a duration in its one or two largest units. */
function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}
