import type { OperationsIn } from '../define-operation.ts';
import { getDestination, listDestinationRooms, listDestinations, resetConnection } from './destinations.ts';

/** These operations by name. Their types come from their own files, so that editors show each operation's doc comment. */
export type FederationOperations = OperationsIn<typeof import('./destinations.ts')>;

export const FEDERATION_OPERATIONS: FederationOperations = {
  listDestinations,
  getDestination,
  listDestinationRooms,
  resetConnection,
};
