import { z } from 'zod';

/** A text that PostgreSQL can store. @param maxLength in UTF-16 code units */
export const storableText = (maxLength: number): z.ZodString =>
  z
    .string()
    .max(maxLength)
    .refine((value) => !value.includes('\0') && value.isWellFormed(), 'has characters that are not allowed');
