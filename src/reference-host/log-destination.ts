import { type DestinationStream, pino } from 'pino';

/**
 * Creates a log destination that writes to standard error. If nobody reads standard error any more, for example because the
 * terminal was closed, the destination silently drops the lines instead of failing.
 */
export function logDestination(): DestinationStream {
  const destination = pino.destination({ fd: 2, sync: true });
  destination.on('error', () => {});
  return destination;
}
