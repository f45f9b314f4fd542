import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { AdminApi } from './admin-api.ts';

/** The API of the administrator who is logged in. The access token is kept in memory only. */
export const Session = createContext<AdminApi | undefined>(undefined);

/** Returns the API of the administrator who is logged in. @throws Error if nobody is logged in */
export function useApi(): AdminApi {
  const api = useContext(Session);
  if (api === undefined) throw new Error('nobody is logged in');
  return api;
}
