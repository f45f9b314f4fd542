import { getDestination, listDestinationRooms, listDestinations, resetConnection } from './destinations.ts';

export const FEDERATION_OPERATIONS = {
  listDestinations,
  getDestination,
  listDestinationRooms,
  resetConnection,
};
