import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { repeat } from '../../src/jobs/repeat.ts';
import { until } from '../support/search-plugin.ts';

it('work is repeated, first after the interval, until it is stopped', async () => {
  let runs = 0;
  const repetition = repeat(async () => void (runs += 1), 10);
  expect(runs).toBe(0);
  await until(() => runs >= 3);
  await repetition.stop();
  const stoppedAt = runs;
  await delay(50);
  expect(runs).toBe(stoppedAt);
});

it('work that takes longer than the interval is not done twice at a time, and stopping waits for it', async () => {
  const log: string[] = [];
  let finish = (): void => {};
  const work = async (): Promise<void> => {
    log.push('begins');
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    log.push('ends');
  };
  const repetition = repeat(work, 5);
  await until(() => log.length > 0);
  await delay(40);
  expect(log).toEqual(['begins']);
  finish();
  await until(() => log.length > 2);
  const stopped = repetition.stop().then(() => log.push('stopped'));
  finish();
  await stopped;
  expect(log).toEqual(['begins', 'ends', 'begins', 'ends', 'stopped']);
});
