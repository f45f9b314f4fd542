export { MatrixError } from '../errors.ts';
export type { AdminClient, JobBody } from './admin-client.ts';
export { type AdminClientSettings, createAdminClient, UnreachableError } from './create-admin-client.ts';
