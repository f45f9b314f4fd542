import { MatrixError } from '../errors.ts';

/** What users who are suspended are answered. Client-Server API, "Account suspension". */
export const accountSuspended = (): MatrixError =>
  new MatrixError('M_USER_SUSPENDED', 'This account is suspended, and can not send anything');
