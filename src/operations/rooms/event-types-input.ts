import { z } from 'zod';

/** Input field for the event types of a filter. `*` in a type matches any characters. */
export const eventTypesInput = z.array(z.string().max(255)).max(100);
