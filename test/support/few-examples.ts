import fc from 'fast-check';

/** There are many mutants: each is tried with fewer examples than the tests have else, and not for long. */
fc.configureGlobal({ numRuns: 20, interruptAfterTimeLimit: 500 });
