import fc from 'fast-check';

/** There are many mutants. Each is tested with fewer examples than usual, and for a limited time. */
// oxlint-disable-next-line typescript/no-deprecated -- the plugin that replaces it can't be given to all properties at once
fc.configureGlobal({ numRuns: 20, interruptAfterTimeLimit: 1_000 });
