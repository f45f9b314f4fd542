/** The fields of a job that the demo shows, with the names that `GET /_dendrite/admin/jobs/{jobId}` gives them. */
export interface ShownJob {
  readonly state: string;
  readonly phase: string | null;
  readonly done: number;
  readonly total: number | null;
  readonly percent: number | null;
  readonly rate: number | null;
  readonly eta_ms: number | null;
}

const BAR_WIDTH = 30;

/**
 * Makes a line such as `[######----]  42.0 %  29,226 of 69,586  24,310/s  ETA 1.7 s  load`, with a longer bar. The last word is
 * the job's phase, or its state if it has no phase.
 */
export function progressLine({ done, total, percent, rate, eta_ms: etaMs, phase, state }: ShownJob): string {
  const share = (percent ?? 0) / 100;
  const bar = '#'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '-');
  const figures = [
    `${(share * 100).toFixed(1)} %`,
    total === null ? 'counting' : `${done.toLocaleString('en')} of ${total.toLocaleString('en')}`,
    ...(rate === null ? [] : [`${Math.round(rate).toLocaleString('en')}/s`]),
    ...(etaMs === null ? [] : [`ETA ${(etaMs / 1_000).toFixed(1)} s`]),
    phase ?? state,
  ];
  return `[${bar}]  ${figures.join('  ')}`;
}

/**
 * Creates a display of progress. On a terminal, `show()` and `end()` overwrite the line that `show()` wrote before. On other
 * outputs, `show()` writes at most one line each second, and `end()` always writes its line.
 */
export function createProgress(output: NodeJS.WriteStream): { show(line: string): void; end(line: string): void } {
  let lastAt = 0;
  const redraw = (line: string): void => {
    output.write(`\r\u001b[2K${line}`);
  };
  return {
    show: (line) => {
      if (output.isTTY) return redraw(line);
      if (Date.now() - lastAt < 1_000) return;
      lastAt = Date.now();
      output.write(`${line}\n`);
    },
    end: (line) => {
      if (output.isTTY) redraw(`${line}\n`);
      else output.write(`${line}\n`);
    },
  };
}

/** Returns the values of the plugin's metrics in an answer of `/metrics`. The keys are the names together with the labels. */
function samplesOf(page: string): Map<string, string> {
  const samples = page.matchAll(/^(matrix_admin_\S*?(?:\{[^}]*\})?) (\S+)$/gm);
  return new Map([...samples].map(([, name = '', value = '']) => [name, value]));
}

/**
 * Lists the plugin's metrics that differ between two answers of `/metrics`, as lines such as `matrix_admin_x_total 3 -> 5`. A
 * metric that is missing in the earlier answer counts as 0. Leaves out the buckets of histograms.
 */
export function movedMetrics(before: string, after: string): string[] {
  const earlier = samplesOf(before);
  return [...samplesOf(after)]
    .filter(([name, value]) => !name.includes('_bucket{') && value !== (earlier.get(name) ?? '0'))
    .map(([name, value]) => `${name} ${earlier.get(name) ?? '0'} -> ${value}`);
}
