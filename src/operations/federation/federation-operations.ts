import type { OperationsIn } from '../define-operation.ts';
import { getDestination, listDestinationRooms, listDestinations, resetConnection } from './destinations.ts';

/**
 * The federation operations, by name. The type is derived from the files that define the operations, so that editors show the
 * doc comment of each operation.
 */
export type FederationOperations = OperationsIn<typeof import('./destinations.ts')>;

export const FEDERATION_OPERATIONS: FederationOperations = {
  listDestinations,
  getDestination,
  listDestinationRooms,
  resetConnection,
};
