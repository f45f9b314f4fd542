import type { JSX } from 'preact';
import { AbandonedRoomsPage } from './abandoned-rooms-page.tsx';
import { ApprovalsPage } from './approvals-page.tsx';
import { AuditPage } from './audit-page.tsx';
import { FederationPage } from './federation-page.tsx';
import { JobPage, JobsPage } from './job-pages.tsx';
import { ReportsPage } from './reports-page.tsx';
import { RoomPage, RoomsPage } from './room-pages.tsx';
import { SearchPage } from './search-page.tsx';
import { UserPage, UsersPage } from './user-pages.tsx';

interface Page {
  readonly path: string;
  readonly title: string;
  readonly list: (props: { readonly query: URLSearchParams }) => JSX.Element;
  /** The page that shows one item of the list. Some lists have no such page. */
  readonly item?: (id: string) => JSX.Element;
}

/** The pages, in the order of the menu. */
export const PAGES: readonly Page[] = [
  { path: '/jobs', title: 'Jobs', list: JobsPage, item: (id) => <JobPage key={id} jobId={id} /> },
  { path: '/search', title: 'Search index', list: SearchPage },
  { path: '/rooms', title: 'Rooms', list: RoomsPage, item: (id) => <RoomPage key={id} roomId={id} /> },
  { path: '/users', title: 'Users', list: UsersPage, item: (id) => <UserPage key={id} userId={id} /> },
  { path: '/reports', title: 'Reports', list: ReportsPage },
  { path: '/approvals', title: 'Approvals', list: ApprovalsPage },
  { path: '/audit', title: 'Audit', list: AuditPage },
  { path: '/abandoned', title: 'Abandoned rooms', list: AbandonedRoomsPage },
  { path: '/federation', title: 'Federation', list: FederationPage },
];

/**
 * Returns the page for a path. If the path has an id, it is the page of the item with this id, else it is the list. Returns the
 * list of jobs if there is no page for the path.
 */
export function findPage(path: string, query: URLSearchParams): JSX.Element {
  const [, name = '', id] = path.split('/');
  const page = PAGES.find((each) => each.path === `/${name}`);
  if (page?.item !== undefined && id !== undefined && id !== '') return page.item(decodeURIComponent(id));
  const List = page?.list ?? JobsPage;
  return <List key={name} query={query} />;
}
