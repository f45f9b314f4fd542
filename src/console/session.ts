import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { AdminApi } from './admin-api.ts';

/** The API of the administrator who is logged in. The token lives here, in memory, and nowhere else. */
export const Session = createContext<AdminApi | undefined>(undefined);

/** The API of the administrator who is logged in. @throws Error outside of a session */
export function useApi(): AdminApi {
  const api = useContext(Session);
  if (api === undefined) throw new Error('nobody is logged in');
  return api;
}
