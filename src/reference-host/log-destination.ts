import { type DestinationStream, pino } from 'pino';

/** Standard error. Lines are dropped once nobody reads it, a terminal that was closed for one. */
export function logDestination(): DestinationStream {
  const destination = pino.destination({ fd: 2, sync: true });
  destination.on('error', () => {});
  return destination;
}
