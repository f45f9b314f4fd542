import { z } from 'zod';
import { insteadOf } from '../../number-problem.ts';

const error = ({ input }: { readonly input?: unknown }): string =>
  `must be a time, in ms since the epoch or in ISO 8601${insteadOf(input)}`;

/** A time as an operation takes it, in ms since the epoch. Over HTTP it may be written in ISO 8601, too. */
export const timeInput = z.int({ error }).min(0, { error });
