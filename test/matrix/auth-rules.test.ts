import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { authEventKeys, authStateKeys, stateName } from '../../src/matrix/auth-events.ts';
import { membershipOf } from '../../src/matrix/auth-state.ts';
import { authorise } from '../../src/matrix/authorise.ts';
import { isCreator, levelOf, powerLevelOf } from '../../src/matrix/power-levels.ts';
import type { EventJson } from '../../src/matrix/room-version.ts';
import { type AuthCase, authCase, lookUpIn } from './arbitrary-auth.ts';

const verdictOf = ({ event, state, version }: AuthCase): string | undefined =>
  authorise(event, lookUpIn(state), version);

function powerOf({ state }: AuthCase): { create: EventJson; powerLevels: EventJson | undefined } {
  const find = lookUpIn(state);
  return { create: find('m.room.create', '') ?? {}, powerLevels: find('m.room.power_levels', '') };
}

const usersOf = (content: unknown): Record<string, unknown> =>
  ((content as EventJson | undefined)?.users ?? {}) as Record<string, unknown>;

/** Checks a property for allowed cases. Fails if there are no such cases. */
function onAllowed(check: (allowed: AuthCase) => void, isMeant: (candidate: AuthCase) => boolean = () => true): void {
  let count = 0;
  fc.assert(
    fc.property(authCase, (one) => {
      if (!isMeant(one) || verdictOf(one) !== undefined) return;
      count += 1;
      check(one);
    }),
    { numRuns: 4000 },
  );
  expect(count).toBeGreaterThan(20);
}

describe('the authorisation rules', () => {
  test('read only the state that is loaded for them, and refer to it except for the create event', () => {
    fc.assert(
      fc.property(authCase, ({ event, state, version, id }) => {
        const keys = authStateKeys(event, version).map((key) => stateName(...key));
        const looked = new Set<string>();
        authorise(
          event,
          (type, stateKey) => {
            looked.add(stateName(type, stateKey));
            return lookUpIn(state)(type, stateKey);
          },
          version,
        );
        expect(keys).toEqual(expect.arrayContaining([...looked]));
        const referred = authEventKeys(event, version).map((key) => stateName(...key));
        const implied = id === '12' ? [stateName('m.room.create', '')] : [];
        expect([...implied, ...referred]).toEqual(keys);
        expect(new Set(keys).size).toBe(keys.length);
      }),
      { numRuns: 1000 },
    );
  });

  test('give a verdict whatever an event contains', () => {
    const content = fc.dictionary(
      fc.constantFrom('membership', 'users', 'events', 'ban', 'third_party_invite', 'join_authorised_via_users_server'),
      fc.jsonValue(),
    );
    const types = fc.constantFrom('m.room.member', 'm.room.power_levels', 'm.room.join_rules');
    fc.assert(
      fc.property(authCase, content, content, types, (one, changed, levels, type) => {
        const state = new Map(one.state).set(stateName('m.room.power_levels', ''), {
          type: 'm.room.power_levels',
          content: levels,
        });
        const event = { ...one.event, type, content: { membership: 'invite', ...changed } };
        expect(verdictOf({ ...one, state, event })).toBeOneOf([undefined, expect.any(String)]);
      }),
      { numRuns: 1000 },
    );
  });

  test('allow users outside a room only changes of their own membership, except for third-party invites', () => {
    onAllowed(
      ({ event }) => {
        expect(event.type).toBeOneOf(['m.room.member', 'm.room.aliases']);
        const isOwn = event.stateKey === event.sender;
        const isInvited = event.content.third_party_invite !== undefined && event.content.membership === 'invite';
        const isFirst = event.follows === 'create' && event.content.membership === 'join';
        expect(event.type === 'm.room.aliases' || isOwn || isInvited || isFirst).toBe(true);
      },
      ({ event, state }) => membershipOf(lookUpIn(state)('m.room.member', event.sender)) !== 'join',
    );
  });

  test('refuse banned users', () => {
    fc.assert(
      fc.property(authCase, ({ event, state, ...one }) => {
        const { stateKey } = event;
        if (event.type !== 'm.room.member' || stateKey === undefined || event.follows === 'create') return;
        const banned = new Map(state).set(stateName('m.room.member', stateKey), { content: { membership: 'ban' } });
        for (const membership of ['join', 'invite', 'knock']) {
          const changed = { ...event, content: { ...event.content, membership } };
          expect(verdictOf({ ...one, event: changed, state: banned })).toBeDefined();
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('allow more powerful users at least as much', () => {
    onAllowed(
      (one) => {
        const levels = powerOf(one).powerLevels ?? {};
        const { sender } = one.event;
        const raised = powerLevelOf(powerOf(one), one.version, sender) + 1000;
        const content = levels.content as EventJson;
        const stronger = { ...levels, content: { ...content, users: { ...usersOf(content), [sender]: raised } } };
        const state = new Map(one.state).set(stateName('m.room.power_levels', ''), stronger);
        expect(verdictOf({ ...one, state })).toBeUndefined();
      },
      (one) => {
        const power = powerOf(one);
        return power.powerLevels !== undefined && Number.isFinite(powerLevelOf(power, one.version, one.event.sender));
      },
    );
  });

  test('forbid granting or removing power that the sender lacks', () => {
    onAllowed(
      (one) => {
        const power = powerOf(one);
        const own = powerLevelOf(power, one.version, one.event.sender);
        const [before, after] = [usersOf(power.powerLevels?.content), usersOf(one.event.content)];
        for (const user of new Set([...Object.keys(before), ...Object.keys(after)])) {
          const [was = -Infinity, is = -Infinity] = [before[user], after[user]].map((v) => levelOf(v, one.version));
          if (was === is) continue;
          expect(is).toBeLessThanOrEqual(own);
          if (user !== one.event.sender) expect(was).toBeLessThan(own);
        }
      },
      (one) => one.event.type === 'm.room.power_levels' && powerOf(one).powerLevels !== undefined,
    );
  });

  test('protect creators from all others since version 12', () => {
    onAllowed(
      (one) => {
        const { sender, stateKey } = one.event;
        const power = powerOf(one);
        const isPrivileged = (user: typeof sender | undefined): boolean =>
          user !== undefined && isCreator(power, one.version, user);
        const { membership } = one.event.content;
        if (membership === 'ban' || (membership === 'leave' && stateKey !== sender)) {
          expect(isPrivileged(stateKey as typeof sender)).toBe(false);
        }
        const given = Object.keys(usersOf(one.event.content));
        expect(given.filter((user) => isPrivileged(user as typeof sender))).toEqual([]);
      },
      ({ id }) => id === '12',
    );
  });
});
