import { MatrixError } from '../index.ts';

/** Makes the error for requests of suspended users. Source: Client-Server API, "Account suspension". */
export const accountSuspended = (): MatrixError =>
  new MatrixError('M_USER_SUSPENDED', 'This account is suspended and cannot send anything');
