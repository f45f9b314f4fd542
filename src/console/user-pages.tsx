import type { JSX } from 'preact';
import { ActionButtons } from './action-buttons.tsx';
import type { Action } from './action-dialog.tsx';
import type { Json } from './admin-api.ts';
import { Facts } from './facts.tsx';
import { FilterForm } from './filter-form.tsx';
import { formatTime, formatValue } from './format.ts';
import { PagedList } from './paged-list.tsx';
import { Problem } from './problem.tsx';
import { useApi } from './session.ts';
import { useLoaded } from './use-loaded.ts';

/** The page that lists the accounts of the homeserver. */
export function UsersPage({ query }: { readonly query: URLSearchParams }): JSX.Element {
  return (
    <>
      <h1 tabIndex={-1}>Users</h1>
      <FilterForm
        path="#/users"
        query={query}
        fields={[
          { key: 'name', label: 'Name or user id' },
          { key: 'deactivated', label: 'Deactivated users too', options: ['true', 'false'] },
        ]}
      />
      <PagedList
        key={String(query)}
        caption="Users by user id"
        path={`/_synapse/admin/v2/users?${query}`}
        itemsKey="users"
        keyOf={(user) => String(user.name)}
        empty="No users match."
        columns={[
          {
            title: 'User',
            cell: ({ name }) => <a href={`#/users/${encodeURIComponent(String(name))}`}>{String(name)}</a>,
          },
          { title: 'Display name', cell: (user) => formatValue(user.displayname) },
          { title: 'Administrator', cell: (user) => formatValue(Boolean(user.admin)) },
          { title: 'Deactivated', cell: (user) => formatValue(Boolean(user.deactivated)) },
          { title: 'Created', cell: (user) => formatTime(user.creation_ts) },
        ]}
      />
    </>
  );
}

function actionsOn(userId: string, user: Json): readonly Action[] {
  const id = encodeURIComponent(userId);
  const isSuspended = user.suspended === true;
  const isLocked = user.locked === true;
  return [
    {
      title: 'Reset the password',
      explanation: 'The user gets a new password. Tell it to the user in a safe way.',
      method: 'POST',
      path: `/_dendrite/admin/resetPassword/${id}`,
      hasDryRun: false,
      isJob: false,
      fields: [
        { key: 'password', label: 'New password', kind: 'password' },
        { key: 'logout_devices', label: 'Log the user out everywhere', kind: 'flag' },
      ],
    },
    {
      title: isSuspended ? 'End the suspension' : 'Suspend the user',
      explanation: isSuspended
        ? 'The user can write again.'
        : 'The user stays logged in and can read, but cannot write.',
      method: 'PUT',
      path: `/_matrix/client/v1/admin/suspend/${id}`,
      body: { suspended: !isSuspended },
      hasDryRun: false,
      isJob: false,
    },
    {
      title: isLocked ? 'Unlock the account' : 'Lock the account',
      explanation: isLocked
        ? 'The user can use the account again.'
        : 'The user cannot use the account until it is unlocked.',
      method: 'PUT',
      path: `/_matrix/client/v1/admin/lock/${id}`,
      body: { locked: !isLocked },
      hasDryRun: false,
      isJob: false,
    },
    {
      title: 'Make the user leave all rooms',
      explanation: 'The user leaves every room, rejects every invite and withdraws every knock.',
      method: 'POST',
      path: `/_dendrite/admin/evacuateUser/${id}`,
      hasDryRun: true,
      isJob: true,
    },
    {
      title: 'Deactivate the account',
      explanation: 'The user is logged out, leaves all rooms, and cannot log in again.',
      method: 'POST',
      path: `/_synapse/admin/v1/deactivate/${id}`,
      hasDryRun: true,
      isJob: true,
      confirmWith: userId,
      fields: [{ key: 'erase', label: 'Erase the profile and the messages that can be erased', kind: 'flag' }],
    },
  ];
}

/** The page of one user, with buttons for actions. */
export function UserPage({ userId }: { readonly userId: string }): JSX.Element {
  const api = useApi();
  const id = encodeURIComponent(userId);
  const { value: user, error, reload } = useLoaded(() => api.call('GET', `/_synapse/admin/v2/users/${id}`), [userId]);
  const target = encodeURIComponent(userId);
  return (
    <>
      <h1 tabIndex={-1}>{userId}</h1>
      <Problem error={error} />
      {user !== undefined && (
        <>
          <Facts
            of={[
              ['Display name', formatValue(user.displayname)],
              ['Administrator', formatValue(Boolean(user.admin))],
              ['Guest', formatValue(Boolean(user.is_guest))],
              ['Deactivated', formatValue(Boolean(user.deactivated))],
              ['Suspended', formatValue(Boolean(user.suspended))],
              ['Locked', formatValue(Boolean(user.locked))],
              ['Created', formatTime(user.creation_ts)],
              ['Last seen', formatTime(user.last_seen_ts)],
            ]}
          />
          <ActionButtons actions={actionsOn(userId, user)} onChange={reload} />
        </>
      )}
      <p>
        <a href={`#/jobs?target=${target}`}>Jobs about this user</a>,{' '}
        <a href={`#/audit?target=${target}`}>the user's audit</a>,{' '}
        <a href={`#/audit?actor=${target}`}>what the user did as an administrator</a>
      </p>
    </>
  );
}
