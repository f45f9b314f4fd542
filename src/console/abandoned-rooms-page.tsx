import type { JSX } from 'preact';
import { ActionButtons } from './action-buttons.tsx';
import { formatTime } from './format.ts';
import { PagedList } from './paged-list.tsx';

const ABANDONED = '/_dendrite/admin/abandonedRooms';

/**
 * The page that lists rooms without local users, and the time at which each room will be purged. It has a button that starts
 * the daily purge at once.
 */
export function AbandonedRoomsPage(): JSX.Element {
  return (
    <>
      <h1 tabIndex={-1}>Abandoned rooms</h1>
      <p>No local user is in these rooms, is invited to them or knocks at them.</p>
      <ActionButtons
        actions={[
          {
            title: 'Purge abandoned rooms now',
            explanation: 'The purge that runs once a day runs now. It follows the policy of the homeserver.',
            method: 'POST',
            path: `${ABANDONED}/purge`,
            hasDryRun: true,
            isJob: true,
          },
        ]}
      />
      <PagedList
        caption="Abandoned rooms"
        path={ABANDONED}
        itemsKey="rooms"
        keyOf={(room) => String(room.room_id)}
        empty="No room is abandoned."
        columns={[
          {
            title: 'Room',
            cell: ({ room_id: id }) => <a href={`#/rooms/${encodeURIComponent(String(id))}`}>{String(id)}</a>,
          },
          { title: 'Without local users since', cell: (room) => formatTime(room.since_ts) },
          { title: 'Is purged', cell: (room) => formatTime(room.purge_ts) },
        ]}
      />
    </>
  );
}
