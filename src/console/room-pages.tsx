import type { JSX } from 'preact';
import { ActionButtons } from './action-buttons.tsx';
import type { Action } from './action-dialog.tsx';
import { Facts } from './facts.tsx';
import { FilterForm } from './filter-form.tsx';
import { formatNumber, formatValue } from './format.ts';
import { PagedList } from './paged-list.tsx';
import { Problem } from './problem.tsx';
import { useApi } from './session.ts';
import { useLoaded } from './use-loaded.ts';

/** The page that lists the rooms that the homeserver knows. */
export function RoomsPage({ query }: { readonly query: URLSearchParams }): JSX.Element {
  return (
    <>
      <h1 tabIndex={-1}>Rooms</h1>
      <FilterForm path="#/rooms" query={query} fields={[{ key: 'search_term', label: 'Name, alias or id' }]} />
      <PagedList
        key={String(query)}
        caption="Rooms by name"
        path={`/_synapse/admin/v1/rooms?${query}`}
        itemsKey="rooms"
        keyOf={(room) => String(room.room_id)}
        empty="No rooms match."
        columns={[
          {
            title: 'Room',
            cell: (room) => (
              <a href={`#/rooms/${encodeURIComponent(String(room.room_id))}`}>
                {formatValue(room.name ?? room.canonical_alias ?? room.room_id)}
              </a>
            ),
          },
          { title: 'Alias', cell: (room) => formatValue(room.canonical_alias) },
          { title: 'Members', cell: (room) => formatNumber(room.joined_members), isNumber: true },
          { title: 'Local members', cell: (room) => formatNumber(room.joined_local_members), isNumber: true },
          { title: 'Version', cell: (room) => formatValue(room.version) },
          { title: 'Encrypted', cell: (room) => formatValue(room.encryption !== null) },
        ]}
      />
    </>
  );
}

function actionsOn(roomId: string): readonly Action[] {
  const id = encodeURIComponent(roomId);
  return [
    {
      title: 'Evacuate the room',
      explanation: 'All local users leave the room. The room and its messages stay.',
      method: 'POST',
      path: `/_dendrite/admin/evacuateRoom/${id}`,
      hasDryRun: true,
      isJob: true,
      fields: [
        { key: 'invites', label: 'Reject invites too', kind: 'flag' },
        { key: 'knocks', label: 'Withdraw knocks too', kind: 'flag' },
      ],
    },
    {
      title: 'Purge the room',
      explanation: 'All data of the room is deleted from this homeserver. This cannot be undone.',
      method: 'POST',
      path: `/_dendrite/admin/purgeRoom/${id}`,
      hasDryRun: true,
      isJob: true,
      confirmWith: roomId,
      fields: [
        { key: 'evacuate', label: 'Make local users leave first, so that other servers know', kind: 'flag' },
        { key: 'block', label: 'Block the room, so that nobody joins it again', kind: 'flag' },
        { key: 'reason', label: 'Reason of the block', kind: 'text' },
      ],
    },
    {
      title: 'Block the room',
      explanation: 'Local users cannot join the room any more. Those who are in it stay.',
      method: 'PUT',
      path: `/_dendrite/admin/blockedRooms/${id}`,
      hasDryRun: false,
      isJob: false,
      fields: [{ key: 'reason', label: 'Reason', kind: 'text' }],
    },
    {
      title: 'Unblock the room',
      explanation: 'Local users can join the room again.',
      method: 'DELETE',
      path: `/_dendrite/admin/blockedRooms/${id}`,
      hasDryRun: false,
      isJob: false,
    },
  ];
}

/** The page of one room, with buttons for actions. */
export function RoomPage({ roomId }: { readonly roomId: string }): JSX.Element {
  const api = useApi();
  const id = encodeURIComponent(roomId);
  const { value: room, error } = useLoaded(() => api.call('GET', `/_synapse/admin/v1/rooms/${id}`), [roomId]);
  const blocked = useLoaded(() => api.call('GET', `/_synapse/admin/v1/rooms/${id}/block`), [roomId]);
  const target = encodeURIComponent(roomId);
  return (
    <>
      <h1 tabIndex={-1}>{formatValue(room?.name ?? room?.canonical_alias ?? roomId)}</h1>
      <Problem error={error} />
      {room !== undefined && (
        <Facts
          of={[
            ['Room id', roomId],
            ['Alias', formatValue(room.canonical_alias)],
            ['Topic', formatValue(room.topic)],
            ['Creator', formatValue(room.creator)],
            ['Version', formatValue(room.version)],
            ['Members', formatNumber(room.joined_members)],
            ['Local members', formatNumber(room.joined_local_members)],
            ['Encryption', formatValue(room.encryption)],
            ['Join rule', formatValue(room.join_rules)],
            ['Published', formatValue(room.public)],
            ['Blocked', formatValue(blocked.value?.block)],
          ]}
        />
      )}
      <ActionButtons actions={actionsOn(roomId)} onChange={blocked.reload} />
      <p>
        <a href={`#/jobs?target=${target}`}>Jobs of this room</a>, <a href={`#/audit?target=${target}`}>its audit</a>
      </p>
    </>
  );
}
