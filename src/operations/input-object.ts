import { z } from 'zod';

/**
 * Creates the schema of an operation's input. The function is `z.object()` with another type. The declarations that TypeScript
 * generates from this type keep the doc comments of the fields, so editors show these comments to developers of hosts.
 */
export const inputObject: <Shape extends z.core.$ZodShape>(shape: Shape) => z.ZodObject<Shape> = z.object;
