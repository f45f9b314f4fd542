import type { OperationOutput } from '../../operations/operations.ts';
import { defineRoute, ok, type Route } from '../route.ts';

type Whois = OperationOutput<'whois'>;

const connectionOf = ({ address, lastSeenAt, userAgent }: Whois['devices'][number]) => ({
  ip: address,
  last_seen: lastSeenAt,
  user_agent: userAgent,
});

/** The specification's form: each connection is under the id of its device. */
const specificationBody = ({ userId, devices }: Whois) => ({
  user_id: userId,
  devices: Object.fromEntries(
    devices.map((device) => [device.deviceId, { sessions: [{ connections: [connectionOf(device)] }] }]),
  ),
});

/** Synapse's form: all connections are under a device with an empty id. Consoles look for the connections there. */
const synapseBody = ({ userId, devices }: Whois) => ({
  user_id: userId,
  devices: { '': { sessions: [{ connections: devices.map(connectionOf) }] } },
});

/** The same route under three paths: the specification's older path, its current path, and Synapse's path. */
export const WHOIS_ROUTES: readonly Route[] = (
  [
    ['/_matrix/client/r0/admin/whois', specificationBody],
    ['/_matrix/client/v3/admin/whois', specificationBody],
    ['/_synapse/admin/v1/whois', synapseBody],
  ] as const
).map(([path, bodyOf]) =>
  defineRoute({
    method: 'GET',
    path: `${path}/:userId`,
    operation: 'whois',
    input: ({ params }) => ({ userId: params.userId }),
    respond: (output) => ok(bodyOf(output)),
  }),
);
