import type { OperationsIn } from '../define-operation.ts';
import { getDestination, listDestinationRooms, listDestinations, resetConnection } from './destinations.ts';

/** The federation operations, by name. The type `OperationsIn` keeps their doc comments, so that editors show them. */
export type FederationOperations = OperationsIn<typeof import('./destinations.ts')>;

export const FEDERATION_OPERATIONS: FederationOperations = {
  listDestinations,
  getDestination,
  listDestinationRooms,
  resetConnection,
};
