import { Registry } from 'prom-client';
import { beforeEach, expect, it } from 'vitest';
import type { RoomId, ServerName, UserId } from '../../src/ids.ts';
import { createMetrics } from '../../src/metrics.ts';
import { type Announce, createAnnounce } from '../../src/rooms/announce.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';
import { until } from '../support/search-plugin.ts';

const rooms = ['!r:x' as RoomId];
const users = ['@a:x' as UserId, '@b:x' as UserId];
const destinations = ['y' as ServerName];

let logger: ReturnType<typeof createCapturedLogger>;
let registry: Registry;
let heard: [string, readonly string[]][];
beforeEach(() => {
  logger = createCapturedLogger();
  registry = new Registry();
  heard = [];
});

const hear =
  (what: string) =>
  (ids: readonly string[]): void =>
    void heard.push([what, ids]);
const WHOLE = {
  caches: { dropRooms: hear('dropRooms'), dropUsers: hear('dropUsers') },
  notifier: { roomsChanged: hear('roomsChanged'), usersChanged: hear('usersChanged') },
  federation: { wake: hear('wake') },
};
const announceTo = (host: Parameters<typeof createAnnounce>[0]): Announce =>
  createAnnounce(host, logger, createMetrics(registry));
/** Waits until the plugin has called the host. */
const told = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('the host is told which rooms, users and servers a change concerns, caches first', async () => {
  announceTo(WHOLE)({ rooms, users, destinations });
  await told();
  expect(heard).toEqual([
    ['dropRooms', rooms],
    ['dropUsers', users],
    ['roomsChanged', rooms],
    ['usersChanged', users],
    ['wake', destinations],
  ]);
});

it.each([
  [{ rooms }, ['dropRooms', 'roomsChanged']],
  [{ users }, ['dropUsers', 'usersChanged']],
  [{ destinations }, ['wake']],
  [{ rooms: [], users: [], destinations: [] }, []],
  [{}, []],
])('the host gets no call for parts that %j does not name', async (announcement, names) => {
  announceTo(WHOLE)(announcement);
  await told();
  expect(heard.map(([name]) => name)).toEqual(names);
});

it('a host may lack any of these parts', async () => {
  announceTo({})({ rooms, users, destinations });
  await told();
  expect(heard).toEqual([]);
  registry.clear();
  announceTo({ caches: WHOLE.caches })({ rooms, users, destinations });
  await told();
  expect(heard.map(([name]) => name)).toEqual(['dropRooms', 'dropUsers']);
  expect(logger.lines).toEqual([]);
});

it.each<[string, () => void | Promise<void>]>([
  [
    'throws',
    () => {
      throw new Error('cache is cold');
    },
  ],
  ['rejects', () => Promise.reject(new Error('cache is cold'))],
])('a host that %s is logged and counted by its part, and the others are told', async (_how, fail) => {
  const announce = announceTo({
    caches: { dropRooms: fail, dropUsers: hear('dropUsers') },
    notifier: { roomsChanged: hear('roomsChanged'), usersChanged: fail },
    federation: { wake: fail },
  });
  announce({ rooms, users, destinations });
  await until(() => logger.lines.length === 3);
  expect(heard.map(([name]) => name)).toEqual(['dropUsers', 'roomsChanged']);
  const lines = new Map(logger.lines.map((line) => [line.fields['callee'], line]));
  for (const callee of ['caches', 'federation', 'notifier']) {
    const fields = expect.objectContaining({ error: 'cache is cold' });
    expect(lines.get(callee)).toEqual({ level: 'error', message: 'The host failed to handle a change', fields });
  }
  const counts = await registry.getSingleMetricAsString('matrix_admin_host_call_failures_total');
  for (const callee of ['caches', 'federation', 'notifier']) expect(counts).toContain(`{callee="${callee}"} 1`);
});
