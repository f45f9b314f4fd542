import fc from 'fast-check';

/** There are many mutants: each is tried with fewer examples than the tests have else, where they don't say how many. */
fc.configureGlobal({ numRuns: 20 });
