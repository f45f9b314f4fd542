import { jsonOf } from './request-body.ts';
import type { Call, Reply } from './route.ts';

export const ok = (body: unknown): Reply => ({ status: 200, body });
export const accepted = (body: unknown): Reply => ({ status: 202, body });

/** Returns the JSON body of a request. */
export const bodyOf = ({ body, headers }: Call): unknown => jsonOf(body, headers['content-type']);
