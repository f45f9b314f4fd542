export { MatrixError } from '../errors.ts';
export type { AdminClient, Answer, JobBody } from './admin-client.ts';
export type { Answers } from './answers.ts';
export { type AdminClientSettings, createAdminClient, UnreachableError } from './create-admin-client.ts';
