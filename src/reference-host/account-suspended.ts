import { MatrixError } from '../errors.ts';

/** The answer to suspended users. Client-Server API, "Account suspension". */
export const accountSuspended = (): MatrixError =>
  new MatrixError('M_USER_SUSPENDED', 'This account is suspended and cannot send anything');
