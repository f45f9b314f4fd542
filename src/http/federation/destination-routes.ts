import type { Destination } from '../../storage/federation/destinations.ts';
import { defineRoute, numberOf, ok, page, type Route } from '../route.ts';

const DESTINATIONS = '/_synapse/admin/v1/federation/destinations';

/**
 * Describes a remote server with Synapse's fields, and with fields that Synapse does not have.
 * `last_successful_stream_ordering` is null, because Dendrite does not store which event it last sent to a server.
 */
const destinationBody = ({ retry, ...destination }: Destination) => ({
  destination: destination.destination,
  retry_last_ts: retry?.lastTry ?? 0,
  retry_interval: retry === null ? 0 : Math.max(retry.nextTry - retry.lastTry, 0),
  failure_ts: retry?.failingSince ?? null,
  last_successful_stream_ordering: null,
  queued_pdus: destination.queuedPdus,
  queued_edus: destination.queuedEdus,
  oldest_queued_ts: destination.oldestQueuedAt,
  blacklisted: destination.isBlacklisted,
  assumed_offline: destination.isAssumedOffline,
  next_retry_ts: retry?.nextTry ?? null,
});

/** Synapse's routes for the servers that the homeserver federates with. */
export const DESTINATION_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: DESTINATIONS,
    operation: 'listDestinations',
    names: { direction: 'dir' },
    input: ({ query }) => ({
      direction: query.dir,
      limit: numberOf(query.limit),
      from: numberOf(query.from),
      orderBy: query.order_by,
      destination: query.destination || undefined,
    }),
    respond: ({ destinations, total, nextToken }) =>
      page({ destinations: destinations.map(destinationBody), total }, nextToken),
  }),
  defineRoute({
    method: 'GET',
    path: `${DESTINATIONS}/:destination`,
    operation: 'getDestination',
    input: ({ params }) => ({ destination: params.destination }),
    respond: (destination) => ok(destinationBody(destination)),
  }),
  defineRoute({
    method: 'GET',
    path: `${DESTINATIONS}/:destination/rooms`,
    operation: 'listDestinationRooms',
    names: { direction: 'dir' },
    input: ({ params, query }) => ({
      destination: params.destination,
      direction: query.dir,
      limit: numberOf(query.limit),
      from: numberOf(query.from),
    }),
    respond: ({ roomIds, total, nextToken }) =>
      page({ rooms: roomIds.map((roomId) => ({ room_id: roomId, stream_ordering: null })), total }, nextToken),
  }),
  defineRoute({
    method: 'POST',
    path: `${DESTINATIONS}/:destination/reset_connection`,
    operation: 'resetConnection',
    input: ({ params }) => ({ destination: params.destination }),
    respond: () => ok({}),
  }),
];
