import fc from 'fast-check';

/** There are many mutants: each is tried with fewer examples than the tests have else, and not for long. */
// oxlint-disable-next-line typescript/no-deprecated -- the plugin that replaces it can't be given to all properties at once
fc.configureGlobal({ numRuns: 20, interruptAfterTimeLimit: 1_000 });
