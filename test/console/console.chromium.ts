import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RoomId } from '../../src/ids.ts';
import { generateSampleEvents } from '../../src/reference-host/sample-events.ts';
import {
  type FixtureHomeserver,
  fixture,
  roomNamed,
  startFixtureHomeserver,
} from '../reference-host/fixture-homeserver.ts';
import { addAccount, addDevice } from '../support/dendrite-server.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { startChromium } from './chromium.ts';

const CONSOLE = '/_dendrite/admin/console';
/** The folder for screenshots. A person looks at them. */
const SCREENSHOTS = 'test/console/screenshots';
const PAGES = ['jobs', 'search', 'rooms', 'users', 'reports', 'approvals', 'audit', 'abandoned', 'federation'];
const SECOND_ADMIN = { localpart: 'second', accessToken: 'token-of-the-second-administrator' };

let browser: Browser;
let server: FixtureHomeserver;
let mediaDirectory: string;
/** A proxy between the browser and the homeserver. It can cut the connection. */
let proxy: TcpProxy;
let page: Page;
/** Errors that the page has logged, and its requests to other servers. */
let faults: string[];

beforeAll(async () => {
  browser = await startChromium();
  mediaDirectory = await makeScratchDirectory('matrix-admin-console-');
  server = await startFixtureHomeserver({ mediaDirectory });
  proxy = await startTcpProxy(server.origin);
  await mkdir(SCREENSHOTS, { recursive: true });
  const { db } = server.homeserver;
  await addAccount(db, { localpart: SECOND_ADMIN.localpart, accountType: 3 });
  await addDevice(db, { accessToken: SECOND_ADMIN.accessToken, localpart: SECOND_ADMIN.localpart });
});
afterAll(async () => {
  await browser?.close();
  await proxy?.close();
  await server?.stop();
  await rm(mediaDirectory, { recursive: true, force: true });
});
beforeEach(async () => {
  await page?.context().close();
  page = await openPage();
});

async function openPage(): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 800 } });
  const opened = await context.newPage();
  faults = [];
  opened.on('pageerror', (error) => faults.push(error.message));
  opened.on('request', (request) => {
    if (!request.url().startsWith(proxy.url)) faults.push(`a request to ${request.url()}`);
  });
  return opened;
}

async function logIn(token = fixture.users.admin.access_token): Promise<void> {
  await page.goto(new URL(CONSOLE, proxy.url).href);
  await page.getByLabel('Or an access token').fill(token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Jobs' }).waitFor();
}

const open = async (hash: string): Promise<void> => {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
};
const heading = (name: string | RegExp): Promise<void> => page.getByRole('heading', { level: 1, name }).waitFor();

/** Returns the problems that the package axe-core finds on the page. */
async function accessibilityFaults(): Promise<string[]> {
  // The Content-Security-Policy of the page allows no other scripts. `evaluate()` does not use the page to load the script.
  await page.evaluate(await readFile('node_modules/axe-core/axe.min.js', 'utf8'));
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
}

describe('the log-in', () => {
  it('takes the password of an administrator', async () => {
    await page.goto(new URL(CONSOLE, proxy.url).href);
    await page.getByLabel('User name').fill('admin');
    await page.getByLabel('Password').fill(fixture.users.admin.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await heading('Jobs');
    expect(faults).toEqual([]);
  });

  it.each([
    ['a wrong token', () => 'wrong', /token/i],
    ['the token of another user', () => fixture.users.alice.access_token, /admin/i],
  ])('refuses %s, and says why', async (_name, token, message) => {
    await page.goto(new URL(CONSOLE, proxy.url).href);
    await page.getByLabel('Or an access token').fill(token());
    await page.getByRole('button', { name: 'Log in' }).click();
    expect(await page.getByRole('alert').textContent()).toMatch(message);
  });

  it('leaves no token in the browser', async () => {
    await logIn();
    const kept = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])');
    expect(kept).toBe('[{},{},""]');
    expect(page.url()).not.toContain(fixture.users.admin.access_token);
    await page.reload();
    await page.getByRole('button', { name: 'Log in' }).waitFor();
  });
});

describe('every page', () => {
  it.each(['light', 'dark'] as const)('has no fault that axe-core finds, in %s colours', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await page.goto(new URL(CONSOLE, proxy.url).href);
    expect(await accessibilityFaults()).toEqual([]);
    await logIn();
    for (const name of PAGES) {
      await open(`#/${name}`);
      await page.getByText('Loading…').waitFor({ state: 'detached' });
      expect([name, await accessibilityFaults()]).toEqual([name, []]);
      await page.screenshot({ path: `${SCREENSHOTS}/${name}-${colorScheme}.png` });
    }
    expect(faults).toEqual([]);
  });

  it('fits a screen of 400 pixels', async () => {
    await page.setViewportSize({ width: 400, height: 800 });
    await logIn();
    for (const name of PAGES) {
      await open(`#/${name}`);
      await page.getByText('Loading…').waitFor({ state: 'detached' });
      const width = await page.evaluate('document.documentElement.scrollWidth');
      expect([name, width]).toEqual([name, 400]);
      await page.screenshot({ path: `${SCREENSHOTS}/${name}-narrow.png` });
    }
  });

  it('can be used by keyboard alone', async () => {
    await logIn();
    await page.keyboard.press('Tab');
    for (let n = 0; n < 20; n += 1) {
      const name = await page.evaluate('document.activeElement?.textContent');
      if (name === 'Rooms') break;
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await heading('Rooms');
    expect(page.url()).toMatch(/#\/rooms$/);
  });
});

describe('a reindex', () => {
  it('is started and watched to its end', async () => {
    await generateSampleEvents(server.homeserver.db, {
      count: 3_000,
      rooms: [{ roomId: roomNamed('v10') as RoomId, senders: ['@alice:localhost' as never] }],
      seed: 1,
    });
    await logIn();
    await open('#/search');
    await page.getByRole('button', { name: 'Rebuild the index' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rebuild the index' }).click();
    await heading(/reindex fulltext/);
    await page.getByText('succeeded').waitFor();
    await page.screenshot({ path: `${SCREENSHOTS}/job-light.png` });
    await open('#/search');
    await page.getByText(/^postgres$/).waitFor();
    expect(faults).toEqual([]);
  });
});

describe('a purge', () => {
  it('shows first what it deletes, and needs the name of the room', async () => {
    const roomId = roomNamed('v9');
    await logIn();
    await open(`#/rooms/${encodeURIComponent(roomId)}`);
    await page.getByRole('button', { name: 'Purge the room' }).click();
    const dialog = page.getByRole('dialog');
    const purge = dialog.getByRole('button', { name: 'Purge the room' });
    expect(await purge.isDisabled()).toBe(true);
    await dialog.getByLabel(/Make local users leave first/).check();
    await dialog.getByRole('button', { name: 'Show what will happen' }).click();
    await dialog.getByRole('table', { name: 'What will happen' }).waitFor();
    expect(await accessibilityFaults()).toEqual([]);
    await page.screenshot({ path: `${SCREENSHOTS}/dry-run-light.png` });
    expect(await purge.isDisabled()).toBe(true);
    await dialog.getByLabel(/to confirm/).fill(roomId);
    // With other options, another dry run is needed.
    await dialog.getByLabel(/Block the room/).check();
    expect(await purge.isDisabled()).toBe(true);
    await dialog.getByLabel(/Block the room/).uncheck();
    await dialog.getByRole('button', { name: 'Show what will happen' }).click();
    await dialog.getByRole('table', { name: 'What will happen' }).waitFor();
    await dialog.getByLabel(/to confirm/).fill(roomId);
    await purge.click();
    await heading(/purge room/);
    await page.getByText('succeeded').waitFor();
    expect((await server.call('admin', 'GET', `/_dendrite/admin/rooms/${encodeURIComponent(roomId)}`)).status).toBe(
      404,
    );
  });

  it('that needs an approval is approved by a second administrator', async () => {
    const { admin } = server.homeserver;
    const off = admin.hooks.before('purgeRoom', { name: 'four-eyes' }, (event) =>
      admin.approvals.require(event, { reason: 'every purge' }),
    );
    const roomId = roomNamed('v10');
    const askForPurge = async (): Promise<void> => {
      await open(`#/rooms/${encodeURIComponent(roomId)}`);
      await page.getByRole('button', { name: 'Purge the room' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Show what will happen' }).click();
      await dialog.getByRole('table', { name: 'What will happen' }).waitFor();
      await dialog.getByLabel(/to confirm/).fill(roomId);
      await dialog.getByRole('button', { name: 'Purge the room' }).click();
    };
    await logIn();
    await askForPurge();
    await page.getByText('Another administrator has to approve it first.').waitFor();
    await page.context().close();
    page = await openPage();
    await logIn(SECOND_ADMIN.accessToken);
    await open('#/approvals');
    await page.getByRole('button', { name: 'Approve' }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('cell', { name: 'approved' }).waitFor();
    await page.context().close();
    page = await openPage();
    await logIn();
    await askForPurge();
    await heading(/purge room/);
    await page.getByText('succeeded').waitFor();
    off();
    expect((await server.call('admin', 'GET', `/_dendrite/admin/rooms/${encodeURIComponent(roomId)}`)).status).toBe(
      404,
    );
  });
});

describe('a report', () => {
  it('is resolved and opened again, and has no other statuses', async () => {
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomNamed('v11'))}/report`;
    expect((await server.call('alice', 'POST', path, { reason: 'rude' })).status).toBe(200);
    await logIn();
    await open('#/reports?kind=room_reports');
    for (const [action, status] of [
      ['Resolve', 'resolved'],
      ['Reopen', 'open'],
    ] as const) {
      const row = page.getByRole('row').filter({ hasText: 'rude' });
      await row.getByRole('button', { name: action }).waitFor();
      expect(await row.getByRole('button').allTextContents()).toEqual([action]);
      await row.getByRole('button', { name: action }).click();
      await page.getByRole('dialog').getByRole('button', { name: action }).click();
      await row.getByRole('cell', { name: status, exact: true }).waitFor();
    }
    expect(await page.getByLabel('Status').getByRole('option').allTextContents()).toEqual(['any', 'open', 'resolved']);
    expect(faults).toEqual([]);
  });
});

describe('a job', () => {
  it('is cancelled, and its page follows it across a lost connection', async () => {
    const { db } = server.homeserver;
    // While this lock is held, the job cannot do a step.
    const transaction = await db.transaction();
    await transaction.raw('LOCK TABLE public.syncapi_output_room_events IN ACCESS EXCLUSIVE MODE');
    await logIn();
    await open('#/search');
    await page.getByRole('button', { name: 'Rebuild the index' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rebuild the index' }).click();
    await page.getByText('running').waitFor();
    proxy.cut();
    await page.getByText('The homeserver cannot be reached').waitFor();
    proxy.restore();
    await page.getByText('The homeserver cannot be reached').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Cancel the job' }).click();
    await page.getByText('It stops after its current step.').waitFor();
    await transaction.rollback();
    await page.getByText('cancelled').first().waitFor();
    await page.getByRole('button', { name: 'Start it again' }).click();
    await page.getByText('succeeded').waitFor();
    expect(faults).toEqual([]);
  });

  it.each([
    [
      'purgeRoom',
      { roomId: roomNamed('v8'), evacuate: true, block: true, reason: 'spam', keep: ['aliases'], media: 'unused' },
    ],
    ['evacuateRoom', { roomId: roomNamed('v7'), invites: true, knocks: true }],
    ['evacuateUser', { userId: fixture.users.bob.user_id }],
  ])('of the kind %s is started again with all its options', async (kind, options) => {
    const { db } = server.homeserver;
    const input = { ...(kind === 'purgeRoom' && { onlyIfEmpty: false }), ...options, dryRun: false };
    const [target = ''] = Object.values(options).map(String);
    const [{ id }] = await db('matrix_admin.jobs')
      .insert({
        id: randomUUID(),
        kind,
        dedupe_key: 'old',
        state: 'failed',
        input,
        target,
        created_by: 'x',
        finished_at: db.fn.now(),
      })
      .returning('id');
    await logIn();
    await open(`#/jobs/${id}`);
    await page.getByRole('button', { name: 'Start it again' }).click();
    await page.getByText('succeeded').waitFor();
    expect(await db('matrix_admin.jobs').where({ kind, state: 'succeeded', target }).first('input')).toEqual({ input });
    expect(faults).toEqual([]);
  });

  it('is found among 10,000 jobs, a page at a time', async () => {
    const { db } = server.homeserver;
    await db.raw(`INSERT INTO matrix_admin.jobs (id, kind, dedupe_key, state, input, created_by, created_at, finished_at)
      SELECT gen_random_uuid(), 'evacuateRoom', 'x' || n, 'succeeded', '{"roomId":"!r:x"}', '@admin:localhost',
        now() - n * interval '1 second', now() FROM generate_series(1, 10000) n`);
    await logIn();
    await page.getByRole('row').nth(50).waitFor();
    expect(await page.getByRole('row').count()).toBe(51);
    await page.getByRole('button', { name: 'Next page' }).click();
    await page.getByRole('button', { name: 'Previous page' }).click();
    await page.getByRole('row').nth(50).waitFor();
    expect(faults).toEqual([]);
  });
});
