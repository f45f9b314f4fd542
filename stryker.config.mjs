/** The code to mutate, and the tests that must notice. `AREA` chooses an entry. */
const AREAS = {
  matrix: { mutate: ['src/matrix/**/*.ts'], tests: ['test/matrix/**/*.test.ts'] },
  rooms: {
    mutate: ['src/rooms/**/*.ts'],
    tests: [
      'test/rooms/**/*.test.ts',
      'test/operations/{rooms,notices}/*.test.ts',
      'test/operations/users/evacuate-user.test.ts',
    ],
  },
  jobs: {
    mutate: ['src/jobs/**/*.ts'],
    // Without tests that mount the plugin. They take long and test the operations.
    tests: ['test/jobs/{backoff,job-items,job-worker,job-worker-log,jobs,lead-job,repeat}.test.ts'],
  },
  pipeline: {
    mutate: ['src/pipeline/**/*.ts', 'src/operations/{actor,queue-job}.ts'],
    tests: [
      'test/pipeline/{authorise-actor,dry-runs,federation-features,hooks,operation-jobs}.test.ts',
      'test/pipeline/{request-ids,run-operation,start-operation,validate-input}.test.ts',
      'test/operations/{queue-job,rooms/purge-hooks}.test.ts',
      'test/faults/cut-connection.test.ts',
    ],
  },
  authenticate: {
    mutate: ['src/http/authenticate.ts'],
    tests: [
      'test/http/{access,access-tokens,rate-limit,server/audit}.test.ts',
      'test/operations/moderation/account-restrictions.test.ts',
    ],
  },
};

const { AREA: area = 'matrix' } = process.env;
const chosen = new Map(Object.entries(AREAS)).get(area);
if (chosen === undefined) throw new Error(`AREA is one of ${Object.keys(AREAS).join(', ')}`);
// `vitest.mutation.config.ts` reads this in the processes that run tests.
process.env.MUTATION_TESTS = chosen.tests.join(' ');

export default {
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.config.ts', related: false },
  mutate: chosen.mutate,
  coverageAnalysis: 'perTest',
  // Code that runs when a module is loaded would need all tests for each mutant.
  ignoreStatic: true,
  concurrency: 1,
  timeoutMS: 10_000,
  // Stryker would rewrite the file with an interface that TypeScript 7 lacks.
  tsconfigFile: 'none',
  ignorePatterns: ['dist', 'dist-bench', 'reports', '.data'],
  reporters: ['clear-text', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: `reports/mutation-${area}.json` },
};
