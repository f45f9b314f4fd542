import type Router from '@koa/router';
import type { Middleware } from 'koa';
import { errorFields } from '../homeserver/index.ts';
import { type Logger, MatrixError } from '../index.ts';
import { toJson } from '../matrix/index.ts';

/**
 * Headers of every answer. Clients that run in browsers need these headers. Source: Client-Server API, "Web Browser Clients".
 */
const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers': 'X-Requested-With, Content-Type, Authorization',
};

/**
 * Tells whether a body is a plain object, which the responder sends as JSON. An array, a stream or a buffer is not a plain
 * object.
 */
const isPlain = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && Object.getPrototypeOf(body) === Object.prototype;

/**
 * Creates the middleware that adds the CORS headers, answers OPTIONS requests, writes plain objects as JSON, and answers errors
 * in the format of Matrix. If an error is no `MatrixError`, the middleware logs it and answers with `M_UNKNOWN` and status 500.
 */
export function createResponder(logger: Logger): Middleware {
  return async (ctx, next) => {
    ctx.set(CORS);
    if (ctx.method === 'OPTIONS') {
      ctx.status = 200;
      ctx.body = '';
      return;
    }
    try {
      await next();
      // Use `toJson()`, because `JSON.stringify()` fails for events that are nested very deeply.
      if (isPlain(ctx.body)) {
        ctx.body = toJson(ctx.body);
        ctx.type = 'json';
      }
    } catch (thrown) {
      const error = thrown instanceof MatrixError ? thrown : undefined;
      if (error === undefined) logger.error({ ...errorFields(thrown), method: ctx.method }, 'Request failed');
      const answer = error ?? new MatrixError('M_UNKNOWN', 'Internal server error');
      ctx.status = answer.status;
      ctx.body = answer.toJSON();
    }
  };
}

/**
 * Creates the middleware for requests that no route has answered. It throws `M_UNRECOGNIZED` for each of them: with status 405
 * if one of the routers knows the path but not the method, and with 404 otherwise.
 */
export function answerUnrecognized(...routers: readonly Router[]): Middleware {
  return async (ctx) => {
    const known = routers.some((router) => router.match(ctx.path, ctx.method).path.length > 0);
    throw new MatrixError('M_UNRECOGNIZED', 'Unrecognized request', { status: known ? 405 : 404 });
  };
}
