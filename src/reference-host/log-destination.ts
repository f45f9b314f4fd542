import { type DestinationStream, pino } from 'pino';

/**
 * Creates a log destination that writes to standard error. Lines are lost if nobody reads them any more, for example because
 * the terminal was closed.
 */
export function logDestination(): DestinationStream {
  const destination = pino.destination({ fd: 2, sync: true });
  destination.on('error', () => {});
  return destination;
}
