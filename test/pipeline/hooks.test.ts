import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/metrics.ts';
import { createHooks, deny, type HookRunner } from '../../src/pipeline/hooks.ts';
import { createCapturedLogger } from '../support/captured-logger.ts';

const EVENT = {
  operation: 'unblockRoom',
  input: { roomId: '!r:x' },
  actor: { kind: 'system', name: 'test' },
  requestId: 'request 1',
} as never;
const CALL = { isDryRun: false, approvals: new Set<string>() };
const ENDED = { ...(EVENT as object), result: { at: { depth: 2 } } } as never;
/** The longest delay that Node's timers support, in ms. */
const LONGEST_MS = 2 ** 31 - 1;

let hooks: HookRunner;
let logger: ReturnType<typeof createCapturedLogger>;
let registry: Registry;
beforeEach(() => {
  logger = createCapturedLogger();
  registry = new Registry();
  hooks = createHooks({ timeoutMs: 1_000 }, logger, createMetrics(registry));
});

const failures = (): Promise<string | undefined> =>
  registry.getSingleMetricAsString('matrix_admin_hook_failures_total');
const timers = (): number => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;

describe('hooks that are added', () => {
  it('run in their phase, before or after, until they are removed', async () => {
    const heard: string[] = [];
    const offs = [
      hooks.before('unblockRoom', { name: 'one' }, () => void heard.push('before')),
      hooks.after('unblockRoom', { name: 'one' }, () => void heard.push('after')),
    ];
    await hooks.runBefore(EVENT, CALL);
    expect(heard).toEqual(['before']);
    hooks.runAfter(ENDED);
    await expect.poll(() => heard).toEqual(['before', 'after']);
    for (const off of offs) off();
    await hooks.runBefore(EVENT, CALL);
    hooks.runAfter(ENDED);
    await hooks.stop();
    expect(heard).toHaveLength(2);
  });

  it.each([undefined, null, 'text', {}])('must be functions, not %j, and the error names the hook', (hook) => {
    for (const add of [hooks.before, hooks.after]) {
      expect(() => add('unblockRoom', { name: 'broken' }, hook as never)).toThrow('hook "broken" is not a function');
    }
  });

  it('have names of their own, in each phase of each operation', () => {
    const hook = (): undefined => undefined;
    const off = hooks.before('unblockRoom', { name: 'one' }, hook);
    hooks.before('unblockRoom', { name: 'two' }, hook);
    hooks.before('blockRoom', { name: 'one' }, hook);
    hooks.after('unblockRoom', { name: 'one' }, hook);
    const again = (): unknown => hooks.before('unblockRoom', { name: 'one' }, hook);
    expect(again).toThrow('there is already a hook "one" before unblockRoom');
    off();
    again();
  });

  it('stay when another hook is removed', async () => {
    const heard: string[] = [];
    const off = hooks.before('unblockRoom', { name: 'one' }, () => void heard.push('one'));
    hooks.before('unblockRoom', { name: 'two' }, () => void heard.push('two'));
    off();
    await hooks.runBefore(EVENT, CALL);
    expect(heard).toEqual(['two']);
  });

  it.each(['nothing', 'toString', ''])('need an existing operation, not "%s"', (name) => {
    const add = (): unknown => hooks.before(name as 'blockRoom', { name: 'one' }, () => undefined);
    expect(add).toThrow(`there is no operation "${name}" to hook into`);
  });

  it.each([0, -1, Number.NaN])('have no time limit of %s ms', (timeoutMs) => {
    const add = (): unknown => hooks.before('unblockRoom', { name: 'a', timeoutMs }, () => undefined);
    expect(add).toThrow(`hook "a": timeoutMs must be from 1 to ${LONGEST_MS}`);
  });

  it.each([1, 0.5, LONGEST_MS])('may have a time limit of %s ms', async (timeoutMs) => {
    hooks.before('unblockRoom', { name: 'quick', timeoutMs }, () => undefined);
    await hooks.runBefore(EVENT, CALL);
    expect(logger.lines).toEqual([]);
  });

  it('may not have a longer one, and the error names the range', () => {
    expect(() => hooks.before('unblockRoom', { name: 'a', timeoutMs: LONGEST_MS + 1 }, () => undefined)).toThrow(
      `hook "a": timeoutMs must be from 1 to ${LONGEST_MS}`,
    );
  });
});

describe('a hook that has answered', () => {
  it('leaves no timer behind that keeps the process alive', async () => {
    const before = timers();
    for (const name of ['a', 'b', 'c']) {
      hooks.before('unblockRoom', { name, timeoutMs: LONGEST_MS }, () => undefined);
      hooks.after('unblockRoom', { name, timeoutMs: LONGEST_MS }, () => undefined);
    }
    await hooks.runBefore(EVENT, CALL);
    hooks.runAfter(ENDED);
    await hooks.stop();
    expect(timers()).toBeLessThan(before + 3);
  });

  it('does not get an aborted signal afterwards', async () => {
    const signals: AbortSignal[] = [];
    hooks.before('unblockRoom', { name: 'quick' }, (_event, signal) => void signals.push(signal));
    await hooks.runBefore(EVENT, CALL);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });
});

describe('a hook that fails', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['throws', () => Promise.reject(new Error('no route to the registry')), /^no route to the registry$/],
    ['never answers', () => new Promise(() => {}), /^the hook has not ended within 20 ms$/],
    ['answers something else', () => 'no', /^the hook returned neither deny\(…\) nor undefined$/],
  ])('because it %s refuses the operation; host and log are told why', async (_title, hook, problem) => {
    hooks.before('unblockRoom', { name: 'broken', timeoutMs: 20 }, hook as () => undefined);
    await expect(hooks.runBefore(EVENT, CALL)).rejects.toMatchObject({
      errcode: 'M_UNKNOWN',
      status: 500,
      message: 'A check before this operation failed',
      cause: expect.objectContaining({ message: expect.stringMatching(problem) }),
    });
    expect(logger.lines).toMatchObject([
      {
        level: 'error',
        message: 'Hook failed',
        fields: {
          error: expect.stringMatching(problem),
          operation: 'unblockRoom',
          phase: 'before',
          hook: 'broken',
          requestId: 'request 1',
        },
      },
    ]);
    expect(await failures()).toContain('{operation="unblockRoom",phase="before"} 1');
  });

  it('after the operation changes nothing, and is counted and logged', async () => {
    hooks.after('unblockRoom', { name: 'broken' }, () => Promise.reject(new Error('no route')));
    hooks.runAfter(ENDED);
    await hooks.stop();
    expect(logger.lines).toMatchObject([{ fields: { error: 'no route', phase: 'after', hook: 'broken' } }]);
    expect(await failures()).toContain('{operation="unblockRoom",phase="after"} 1');
  });
});

describe('a hook that refuses the operation', () => {
  it('gives the caller its reason, and later hooks are not asked', async () => {
    const heard: string[] = [];
    hooks.before('unblockRoom', { name: 'agrees' }, () => void heard.push('agrees'));
    hooks.before('unblockRoom', { name: 'hold' }, () => deny('M_FORBIDDEN', 'legal hold'));
    hooks.before('unblockRoom', { name: 'later' }, () => void heard.push('later'));
    const refusal = { errcode: 'M_FORBIDDEN', message: 'legal hold', status: 403 };
    await expect(hooks.runBefore(EVENT, CALL)).rejects.toMatchObject(refusal);
    expect([heard, logger.lines]).toEqual([['agrees'], []]);
  });

  it.each([
    ['', 'no', 'errcode must be a text such as M_FORBIDDEN or ORG_EXAMPLE_REASON'],
    [5, 'no', 'errcode must be a text such as M_FORBIDDEN or ORG_EXAMPLE_REASON'],
    ['M_FORBIDDEN', '', 'reason must be a text for the caller'],
    ['M_FORBIDDEN', 5, 'reason must be a text for the caller'],
  ])('needs a code and a reason: deny(%j, %j) says what is wrong', (errcode, reason, problem) => {
    const denying = (): unknown => deny(errcode as 'M_FORBIDDEN', reason as string);
    expect(denying).toThrow(new TypeError(`deny(errcode, reason): ${problem}`));
  });
});

describe('the event that hooks receive', () => {
  it('is a copy that cannot be changed at any depth', async () => {
    hooks.after('unblockRoom', { name: 'vandal' }, (event) => {
      const { result } = event as unknown as { result: { at: { depth: number } } };
      result.at.depth = 3;
    });
    hooks.runAfter(ENDED);
    await hooks.stop();
    expect(logger.lines).toHaveLength(1);
    expect(ENDED).toMatchObject({ result: { at: { depth: 2 } } });
    expect(Object.isFrozen(ENDED)).toBe(false);
  });

  it('is also such a copy before the operation, even if a part of it is undefined', async () => {
    const event = { ...(EVENT as object), input: { roomId: '!r:x', reason: null, list: [{ n: 1 }] } };
    const seen: unknown[] = [];
    hooks.before('unblockRoom', { name: 'vandal' }, (told) => {
      seen.push(told);
      const { list } = told.input as unknown as { list: { n: number }[] };
      expect(() => list.push({ n: 2 })).toThrow(TypeError);
      expect(() => Object.assign(list[0] ?? {}, { n: 2 })).toThrow(TypeError);
      return undefined;
    });
    await hooks.runBefore(event as never, CALL);
    expect(seen).toEqual([event]);
    expect(seen[0]).not.toBe(event);
    expect(Object.isFrozen(event.input)).toBe(false);
  });

  it('comes only from its own operation', async () => {
    hooks.before('blockRoom', { name: 'other' }, () => deny('M_FORBIDDEN', 'no'));
    await expect(hooks.runBefore(EVENT, CALL)).resolves.toBeUndefined();
  });
});

describe('stop()', () => {
  it('waits for hooks that run, and then every operation is refused', async () => {
    let finish = (): void => {};
    const log: string[] = [];
    hooks.after('unblockRoom', { name: 'slow' }, async () => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      log.push('hook');
    });
    hooks.before('unblockRoom', { name: 'hold' }, () => deny('M_FORBIDDEN', 'no'));
    hooks.runAfter(ENDED);
    const stopped = hooks.stop().then(() => log.push('stopped'));
    await Promise.resolve();
    finish();
    await stopped;
    expect(log).toEqual(['hook', 'stopped']);
    await expect(hooks.runBefore(EVENT, CALL)).rejects.toMatchObject({
      errcode: 'M_UNKNOWN',
      status: 503,
      message: 'The admin plugin has been stopped',
    });
  });
});
