import { z } from 'zod';
import { insteadOf } from '../../number-problem.ts';

const error = ({ input }: { readonly input?: unknown }): string =>
  `must be a time, in ms since the epoch or in ISO 8601${insteadOf(input)}`;

/** Input field for a time, in ms since the epoch. HTTP requests may also use ISO 8601. */
export const timeInput = z.int({ error }).min(0, { error });
