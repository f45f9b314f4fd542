import type { OperationsIn } from '../define-operation.ts';
import { getDestination, listDestinationRooms, listDestinations, resetConnection } from './destinations.ts';

/** The types come from the operations' own files, so that an editor shows the doc comments of each operation. */
export type FederationOperations = OperationsIn<typeof import('./destinations.ts')>;

export const FEDERATION_OPERATIONS: FederationOperations = {
  listDestinations,
  getDestination,
  listDestinationRooms,
  resetConnection,
};
