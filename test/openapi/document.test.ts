import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import type { Answers } from '../../src/client/answers.ts';
import { expectGenerated } from '../support/generated-file.ts';
import { openApiProblem } from '../support/openapi-check.ts';
import { type AnswerDocument, answerTypes } from './answer-types.ts';
import { makeOpenApi, type OpenApi, textOf } from './document.ts';
import EXAMPLES from './examples.json' with { type: 'json' };

/**
 * The fields of answers whose content the plugin does not know, because others have written it: events, account data, and
 * inputs of jobs.
 */
const DATA_OF_OTHERS = [
  'JobView.input.*',
  'JobView.result.*',
  'Approval.input.*',
  'Task.result.*',
  'UserRecord.*',
  'ClientEvent.content.*',
  'ClientEvent.*',
  'AccountDataOfUser.global.*',
  'AccountDataOfUser.rooms.*.*',
  'GET /_dendrite/admin/openapi.json.*',
  'ModeratedRoomBody.topic.*',
  'ModeratedRoomBody.alt_aliases',
  'ModeratedRoomBody.join_rules.*',
  'ModeratedRoomBody.power_levels.*',
  'ModeratedRoomBody.acl.*',
  'GET /_synapse/admin/v1/fetch_event/*eventId.event.*',
  'GET /_synapse/admin/v1/rooms/:roomId/hierarchy.rooms.*.children_state.*.*',
  'GET /_synapse/admin/v1/users/:userId/pushers.pushers.*.data',
  'GET /_synapse/admin/v1/event_reports/:reportId.event_json.*',
  'PUT /_synapse/admin/v1/event_reports/:reportId.event_json.*',
];

let openApi: OpenApi;
beforeAll(async () => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  openApi = makeOpenApi(version, EXAMPLES);
}, 60_000);

describe('the OpenAPI document', () => {
  it('is docs/openapi.json', async () => {
    await expectGenerated('docs/openapi.json', textOf(openApi.document));
  });

  it('is the source of the types of answers in src/client/answers.ts', async () => {
    await expectGenerated('src/client/answers.ts', answerTypes(openApi.document as unknown as AnswerDocument));
    // The answer of Synapse's route has its only device under the empty key.
    type Devices = Extract<Answers['whois']['devices'], { readonly '': unknown }>;
    expectTypeOf<keyof Devices>().toEqualTypeOf<''>();
  });

  it('has examples that tests have recorded, and that match the schemas', () => {
    const problems = Object.entries(EXAMPLES).flatMap(([route, answers]) =>
      Object.entries(answers).map(([status, body]) => {
        const [method = '', path = ''] = route.split(' ');
        const headers = { 'x-request-id': 'x', 'content-type': 'application/json' };
        const text = JSON.stringify(body);
        return openApiProblem({ method, path, body: undefined, status: Number(status), headers, text });
      }),
    );
    expect(problems.filter((problem) => problem !== undefined)).toEqual([]);
  });

  it('declares every field of every answer', () => {
    const unknown = openApi.undeclared.filter((place) => !DATA_OF_OTHERS.includes(place));
    expect(unknown, 'the result of an operation or the answer of a route has no type').toEqual([]);
  });

  it('describes every operation and every parameter', () => {
    const paths = openApi.document['paths'] as Record<string, Record<string, Described>>;
    const bare = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, operation]) => [
        ...(operation.summary ? [] : [`${method} ${path}`]),
        ...(operation.parameters ?? []).flatMap(({ name, description }) => (description ? [] : [`${path} ${name}`])),
      ]),
    );
    expect(bare).toEqual([]);
  });
});

interface Described {
  readonly summary?: string;
  readonly parameters?: readonly { readonly name: string; readonly description?: string }[];
}
