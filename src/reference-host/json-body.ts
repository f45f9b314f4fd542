import type { Context, Middleware } from 'koa';
import koaBody from 'koa-body';
import { z } from 'zod';
import { MatrixError } from '../index.ts';
import { isRecord } from '../matrix/index.ts';

/**
 * Maximum size of a request body. This is more than the 64 KiB of an event, because a client may write each character as an
 * escape sequence such as `\u0061`.
 */
const MAX_BODY = '256kb';

/**
 * Creates the middleware that parses every request body as JSON, whatever the content type of the request is, as other
 * homeservers do.
 * @param jsonLimit maximum size in bytes, or a text such as `256kb` @defaultValue 256kb
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

/** Removes optional fields that are `null`, because some clients send `null` instead of leaving a field out. */
function withoutNulls(schema: z.ZodType, body: unknown): unknown {
  if (!(schema instanceof z.ZodObject) || !isRecord(body)) return body;
  return Object.fromEntries(
    Object.entries(body).filter(([key, value]) => value !== null || !(schema.shape[key] instanceof z.ZodOptional)),
  );
}

/**
 * Checks the request's body against a schema, and returns the body. For an optional field, `null` counts as absent.
 * @throws MatrixError `M_BAD_JSON` that names the first wrong field
 */
export function bodyOf<Schema extends z.ZodType>(ctx: Context, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(withoutNulls(schema, ctx.request.body));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MatrixError('M_BAD_JSON', `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'is wrong'}`);
}
