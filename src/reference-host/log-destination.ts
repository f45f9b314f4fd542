import { type DestinationStream, pino } from 'pino';

/**
 * Creates a log destination that writes to standard error. Drops lines without an error if nobody reads standard error any
 * more, for example because the terminal was closed.
 */
export function logDestination(): DestinationStream {
  const destination = pino.destination({ fd: 2, sync: true });
  destination.on('error', () => {});
  return destination;
}
