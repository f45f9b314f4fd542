import fc from 'fast-check';

// Mutation testing runs the tests once for each of many mutants. So each property is tested with few examples, in limited time.
// oxlint-disable-next-line typescript/no-deprecated -- the plugin that replaces it can't be given to all properties at once
fc.configureGlobal({ numRuns: 20, interruptAfterTimeLimit: 1_000 });
