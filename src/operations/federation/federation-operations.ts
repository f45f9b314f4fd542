import type { OperationsIn } from '../define-operation.ts';
import { getDestination, listDestinationRooms, listDestinations, resetConnection } from './destinations.ts';

/** Their types are those of the files, so that an editor shows the doc comments there. */
export type FederationOperations = OperationsIn<typeof import('./destinations.ts')>;

export const FEDERATION_OPERATIONS: FederationOperations = {
  listDestinations,
  getDestination,
  listDestinationRooms,
  resetConnection,
};
