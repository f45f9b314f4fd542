import { z } from 'zod';

/** Event types of a filter. `*` matches any characters. */
export const eventTypesInput = z.array(z.string().max(255)).max(100);
