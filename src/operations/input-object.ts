import { z } from 'zod';

/**
 * Creates the schema of an operation's input. The function is `z.object()`, but its type differs: the declarations that
 * TypeScript generates from this type keep the doc comments of the fields. So editors of hosts show these comments.
 */
export const inputObject: <Shape extends z.core.$ZodShape>(shape: Shape) => z.ZodObject<Shape> = z.object;
