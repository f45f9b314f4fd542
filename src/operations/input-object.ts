import { z } from 'zod';

/**
 * Creates the schema of an operation's input. The function is `z.object()` with another type. This type keeps the doc comments
 * of the fields in the declarations, so that editors show them to developers of hosts.
 */
export const inputObject: <Shape extends z.core.$ZodShape>(shape: Shape) => z.ZodObject<Shape> = z.object;
