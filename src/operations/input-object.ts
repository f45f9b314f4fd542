import { z } from 'zod';

/**
 * The schema of an operation's input. It is `z.object()` with a type in which the doc comments of the fields outlive the
 * making of declarations, so that editors of hosts show them.
 */
export const inputObject: <Shape extends z.core.$ZodShape>(shape: Shape) => z.ZodObject<Shape> = z.object;
