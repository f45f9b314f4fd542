import { type DestinationStream, pino } from 'pino';

/** Standard error. It drops lines once nobody reads them, for example when the terminal has been closed. */
export function logDestination(): DestinationStream {
  const destination = pino.destination({ fd: 2, sync: true });
  destination.on('error', () => {});
  return destination;
}
