import type { Context, Middleware } from 'koa';
import koaBody from 'koa-body';
import type { z } from 'zod';
import { MatrixError } from '../errors.ts';

/** An event may have 64 KiB; this leaves room for escapes. */
const MAX_BODY = '256kb';

/**
 * Parses request bodies as JSON, whatever clients call them, as homeservers do.
 * @param jsonLimit bytes, or as `256kb` @defaultValue 256kb
 */
export function parseJsonBody(jsonLimit: string = MAX_BODY): Middleware {
  const parse = koaBody({
    jsonLimit,
    urlencoded: false,
    text: false,
    multipart: false,
    onError: (error) => {
      const status = 'status' in error && typeof error.status === 'number' ? error.status : 400;
      if (status === 413) throw new MatrixError('M_TOO_LARGE', 'The request body is too large');
      throw new MatrixError('M_NOT_JSON', 'The request body could not be decoded into a JSON object', { status });
    },
  });
  return (ctx, next) => {
    ctx.req.headers['content-type'] = 'application/json';
    return parse(ctx, next);
  };
}

/**
 * The request's body, checked.
 * @throws MatrixError `M_BAD_JSON` that names the first field that is wrong.
 */
export function bodyOf<Schema extends z.ZodType>(ctx: Context, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(ctx.request.body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MatrixError('M_BAD_JSON', `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'is wrong'}`);
}
