/** Fails if the size of the npm package, its number of files or its import time exceeds a limit. */
import { execFileSync } from 'node:child_process';

const LIMITS = { 'bytes packed': 500_000, files: 300, 'ms of a cold import': 150 };

const [pack] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], { encoding: 'utf8' }),
);
const measured = {
  'bytes packed': pack.size,
  files: pack.files.length,
  // The minimum of several runs counts, because other programs can only make an import slower.
  'ms of a cold import': Math.min(...Array.from({ length: 9 }, coldImportMs)),
};
for (const [unit, limit] of Object.entries(LIMITS)) {
  const isOver = measured[unit] > limit;
  console.log(`${isOver ? 'TOO MUCH' : 'ok'}: ${measured[unit]} ${unit} of at most ${limit}`);
  if (isOver) process.exitCode = 1;
}

function coldImportMs() {
  const program =
    "const start = performance.now(); await import('koa-matrix-admin'); console.log(Math.round(performance.now() - start));";
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }));
}
