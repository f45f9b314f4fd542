import type { JSX } from 'preact';
import { ApiError } from './admin-api.ts';

/**
 * Shows an error. If another administrator must approve the call first, also shows a link to the approvals. Shows nothing if
 * there is no error.
 */
export function Problem({ error }: { readonly error: Error | undefined }): JSX.Element | null {
  if (error === undefined) return null;
  if (error instanceof TypeError) {
    return (
      <p role="status" class="problem">
        The homeserver cannot be reached. The console tries again every two seconds.
      </p>
    );
  }
  const approval = error instanceof ApiError ? error.answer.approval_id : undefined;
  return (
    <p role="alert" class="problem">
      {error.message}
      {typeof approval === 'string' && (
        <>
          {' '}
          <a href="#/approvals">Another administrator has to approve it first.</a>
        </>
      )}
    </p>
  );
}
