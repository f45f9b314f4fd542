import { z } from 'zod';

/**
 * Creates the schema of an operation's input. The function is `z.object()` with another type. The generated declarations of
 * this type keep the doc comments of the fields, so that editors of hosts show them.
 */
export const inputObject: <Shape extends z.core.$ZodShape>(shape: Shape) => z.ZodObject<Shape> = z.object;
