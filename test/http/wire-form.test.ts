import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wireForm } from '../../src/http/route.ts';

describe('the form of an output in answers', () => {
  it('has keys in snake_case, at any depth', () => {
    expect(
      wireForm({ jobId: 'a', failed: [{ id: '@A:hs', lastTry: null }], members: { localUsers: { joinCount: 1 } } }),
    ).toEqual({
      job_id: 'a',
      failed: [{ id: '@A:hs', last_try: null }],
      members: { local_users: { join_count: 1 } },
    });
  });

  it('does not change keys that are data: ids, event types, names of tables', () => {
    const keys = ['!Room:hs', '@Alice:hs', '$EvEnt', 'm.room.Topic', 'roomserver_events', 'Upper'];
    const output = Object.fromEntries(keys.map((key) => [key, 1]));
    expect(wireForm(output)).toEqual(output);
  });

  it('does not change answers that already have this form', () => {
    const snake = fc.stringMatching(/^[a-z]+(_[a-z0-9]+)*$/);
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        fc.string(),
        fc.integer(),
        fc.constant(null),
        fc.array(tie('tree')),
        fc.dictionary(snake, tie('tree')),
      ),
    }));
    fc.assert(
      fc.property(tree, (answer) => {
        expect(wireForm(answer)).toEqual(answer);
      }),
    );
  });
});
