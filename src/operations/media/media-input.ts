import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { isServerName, type ServerName } from '../../ids.ts';
import { isMediaId } from '../../matrix/media-uris.ts';

/** Input field for a server name. Its TypeScript input type is `string`, so that callers need not cast. */
export const originInput: z.ZodType<ServerName, string> = z.custom<ServerName>(
  (value) => typeof value === 'string' && isServerName(value),
  'not a server name',
);

/** Input field for a media id: 1 to 255 letters, digits, `_`, `=` and `-`. */
export const mediaIdInput: z.ZodType<string, string> = z.custom<string>(
  (value) => typeof value === 'string' && isMediaId(value),
  'not a media id',
);

export const unknownMedia = (): MatrixError => new MatrixError('M_NOT_FOUND', 'Unknown media');
