import { z } from 'zod';

/** Makes the schema of a text that PostgreSQL can store. @param maxLength maximum length in UTF-16 code units */
export const storableText = (maxLength: number): z.ZodString =>
  z
    .string()
    .max(maxLength)
    .refine((value) => !value.includes('\0') && value.isWellFormed(), 'has characters that are not allowed');
