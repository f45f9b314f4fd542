/** Measures how much more memory a process uses at most when it reindexes 1,000,000 events than when it reindexes 100,000. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withBenchDatabase } from './bench-database.ts';
import { report, rounded } from './report.ts';

const SIZES = [100_000, 1_000_000] as const;
/** Maximum growth of memory use, in MB. */
const ALLOWED_GROWTH = 100;

async function peakMegabytes(events: number): Promise<number> {
  return withBenchDatabase(events, async ({ connectionString }) => {
    const program = fileURLToPath(new URL('./reindex-process.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program, connectionString]);
    const { peakKilobytes, documents, ms } = JSON.parse(stdout) as Record<string, number>;
    console.log(`${documents} events in ${ms} ms, peak ${Math.round((peakKilobytes ?? 0) / 1_024)} MB`);
    return (peakKilobytes ?? 0) / 1_024;
  });
}

const [small, large] = [await peakMegabytes(SIZES[0]), await peakMegabytes(SIZES[1])];
const growth = rounded(large - small);
report('reindex-memory', [
  {
    name: 'peak-rss-growth',
    value: growth,
    unit: 'MB',
    baseline: ALLOWED_GROWTH,
    ratio: rounded(ALLOWED_GROWTH / Math.max(growth, 1)),
  },
]);
