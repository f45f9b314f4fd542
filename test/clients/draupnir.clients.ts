import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FixtureHomeserver, type Json, roomNamed, sendPath } from '../reference-host/fixture-homeserver.ts';
import { startClientHomeserver } from './client-homeserver.ts';
import { installNpmPackages, type NpmPackages } from './npm-packages.ts';

/** The parts of the package that this test uses. */
interface ProtectionSuite {
  readonly SynapseReport: unknown;
  readonly Value: {
    readonly Decode: (
      schema: unknown,
      value: unknown,
      options?: { readonly suppressLogOnError: boolean },
    ) => { readonly ok?: unknown };
  };
}

const PACKAGES = [
  '@the-draupnir-project/matrix-protection-suite@7.1.0',
  '@the-draupnir-project/matrix-basic-types@1.5.1',
  '@sinclair/typebox@0.34.13',
];

let packages: NpmPackages;
let server: FixtureHomeserver;
let suite: ProtectionSuite;
beforeAll(async () => {
  packages = await installNpmPackages(PACKAGES);
  suite = packages.load('@the-draupnir-project/matrix-protection-suite');
  server = await startClientHomeserver();
});
afterAll(async () => {
  await server?.stop();
  await packages?.remove();
});

const get = async (path: string): Promise<Json> => (await server.call('admin', 'GET', path)).body;

/** Does what Draupnir does when it polls for new reports. */
async function poll(from: number): Promise<{ reports: Json[]; next: number }> {
  const page = await get(`/_synapse/admin/v1/event_reports?dir=f&from=${from}`);
  return { reports: page.event_reports, next: page.next_token ?? page.total };
}

describe('Draupnir', () => {
  test('decodes every report, and finds its event in the room', async () => {
    const { reports, next } = await poll(0);
    expect(reports.length).toBeGreaterThan(0);
    for (const read of reports) expect(suite.Value.Decode(suite.SynapseReport, read)).toHaveProperty('ok');

    const sent = await server.call('alice', 'PUT', sendPath('v12'), { msgtype: 'm.text', body: 'spam, spam' });
    const at = [roomNamed('v12'), sent.body.event_id].map(encodeURIComponent);
    const reported = await server.call('bob', 'POST', `/_matrix/client/v3/rooms/${at[0]}/report/${at[1]}`, {});
    expect(reported.status).toBe(200);
    const later = await poll(next);
    expect(later.reports).toMatchObject([{ event_id: sent.body.event_id, room_id: roomNamed('v12') }]);
    expect(suite.Value.Decode(suite.SynapseReport, later.reports[0])).toHaveProperty('ok');

    const context = await get(`/_synapse/admin/v1/rooms/${at[0]}/context/${at[1]}?limit=1`);
    expect(context.event).toMatchObject({
      event_id: sent.body.event_id,
      content: { body: 'spam, spam' },
    });
    expect((await poll(later.next)).reports).toEqual([]);
  });

  test('refuses anything else than a report', () => {
    expect(suite.Value.Decode(suite.SynapseReport, { id: 'one' }, { suppressLogOnError: true })).not.toHaveProperty(
      'ok',
    );
  });
});
