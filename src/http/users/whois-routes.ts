import type { OperationOutput } from '../../operations/operations.ts';
import { defineRoute, ok, type Route } from '../route.ts';

const PATHS = ['/_matrix/client/r0/admin/whois', '/_matrix/client/v3/admin/whois', '/_synapse/admin/v1/whois'] as const;

const whoisBody = ({ userId, devices }: OperationOutput<'whois'>) => ({
  user_id: userId,
  devices: Object.fromEntries(
    devices.map(({ deviceId, address, lastSeenAt, userAgent }) => [
      deviceId,
      { sessions: [{ connections: [{ ip: address, last_seen: lastSeenAt, user_agent: userAgent }] }] },
    ]),
  ),
});

/** The same route under three paths: the specification's path, the older form of that path, and Synapse's path. */
export const WHOIS_ROUTES: readonly Route[] = PATHS.map((path) =>
  defineRoute({
    method: 'GET',
    path: `${path}/:userId`,
    operation: 'whois',
    input: ({ params }) => ({ userId: params.userId }),
    respond: (output) => ok(whoisBody(output)),
  }),
);
