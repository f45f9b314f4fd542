/** Code that is mutated, and the tests that judge the mutants; `AREA` chooses. */
const AREAS = {
  matrix: { mutate: ['src/matrix/**/*.ts'], tests: ['test/matrix/**/*.test.ts'] },
  rooms: {
    mutate: ['src/rooms/**/*.ts'],
    tests: [
      'test/rooms/**/*.test.ts',
      'test/operations/{evacuate-room,evacuate-user,purge-room,delete-room,download-state,server-notices}.test.ts',
    ],
  },
  jobs: {
    mutate: ['src/jobs/**/*.ts'],
    tests: ['test/jobs/**/*.test.ts', 'test/http/{jobs,job-views}.test.ts'],
  },
  pipeline: {
    mutate: [
      'src/operations/{run,perform,define}-operation.ts',
      'src/operations/{validate-input,authorise-actor,actor,call,operation-functions,operation-jobs,queue-job}.ts',
    ],
    tests: ['test/operations/{run-operation,start-operation,dry-runs}.test.ts', 'test/http/{access,audit}.test.ts'],
  },
  authenticate: {
    mutate: ['src/http/authenticate.ts'],
    tests: ['test/http/{access,access-tokens,rate-limit,audit}.test.ts', 'test/operations/account-moderation.test.ts'],
  },
};

const { AREA: area = 'matrix' } = process.env;
const chosen = new Map(Object.entries(AREAS)).get(area);
if (chosen === undefined) throw new Error(`AREA is one of ${Object.keys(AREAS).join(', ')}`);
// For `vitest.mutation.config.ts`, which the processes that run tests read.
process.env.MUTATION_TESTS = chosen.tests.join(' ');

export default {
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.config.ts', related: false },
  mutate: chosen.mutate,
  coverageAnalysis: 'perTest',
  // What runs when a module is loaded would have to be judged by all tests.
  ignoreStatic: true,
  concurrency: 1,
  timeoutMS: 20_000,
  // Not there: it would be rewritten by an interface that TypeScript 7 does not have.
  tsconfigFile: 'none',
  ignorePatterns: ['dist', 'dist-bench', 'reports', '.data'],
  reporters: ['clear-text', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: `reports/mutation-${area}.json` },
};
