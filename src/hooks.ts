import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorCode, errorFields, MatrixError, toError } from './errors.ts';
import type { Logger } from './host.ts';
import type { Metrics } from './metrics.ts';
import type { Actor } from './operations/actor.ts';
import { OPERATIONS, type OperationName, type OperationOutput, type ValidInput } from './operations/operations.ts';

/** What a hook before an operation is told. Frozen. */
export interface BeforeEvent<Name extends OperationName> {
  readonly operation: Name;
  readonly input: ValidInput<Name>;
  readonly actor: Actor;
  readonly requestId: string;
}

/** What a hook after an operation is told, once it has committed. Frozen. */
export interface AfterEvent<Name extends OperationName> extends BeforeEvent<Name> {
  readonly result: OperationOutput<Name>;
}

/** A veto, made by `deny()`. */
export class Denial {
  readonly errcode: ErrorCode;
  readonly reason: string;

  constructor(errcode: ErrorCode, reason: string) {
    this.errcode = errcode;
    this.reason = reason;
  }
}

/** The return value of a before-hook that refuses the operation; the caller is told the reason. */
export function deny(errcode: ErrorCode, reason: string): Denial {
  return new Denial(errcode, reason);
}

export interface HookOptions {
  /** Names the hook in logs. One of a name for each operation and phase. */
  readonly name: string;
  /** In ms. @defaultValue `hooks.timeoutMs` of the plugin's options, 5000 */
  readonly timeoutMs?: number;
}

/** Aborted when the hook has run out of time. */
type HookCall<Event, Result> = (event: Event, signal: AbortSignal) => Result | Promise<Result>;

/** `admin.hooks`. Each call returns a function that takes the hook out again. */
export interface Hooks {
  /**
   * Runs before an operation, in the order of registration, and may veto it by returning `deny(…)`. A hook that throws or
   * runs out of time refuses the operation with a 500: nothing happens unchecked.
   * @throws Error for an unknown operation, or a name that is taken
   */
  readonly before: <Name extends OperationName>(
    operation: Name,
    options: HookOptions,
    hook: HookCall<BeforeEvent<Name>, Denial | undefined>,
  ) => () => void;
  /**
   * Runs after an operation has committed, beside the other hooks. Its errors are logged and counted, and change nothing.
   * Not durable: a process that dies meanwhile has not run it.
   * @throws Error for an unknown operation, or a name that is taken
   */
  readonly after: <Name extends OperationName>(
    operation: Name,
    options: HookOptions,
    hook: HookCall<AfterEvent<Name>, void>,
  ) => () => void;
}

type Phase = 'before' | 'after';

interface Registered {
  readonly name: string;
  readonly timeoutMs: number;
  readonly call: HookCall<never, unknown>;
}

/** Hooks with the means to run them. */
export interface HookRunner extends Hooks {
  /** @throws MatrixError the veto of a hook, or `M_UNKNOWN` for one that failed */
  readonly runBefore: (event: BeforeEvent<OperationName>) => Promise<void>;
  /** Starts them; nobody waits for them but `stop()`. */
  readonly runAfter: (event: AfterEvent<OperationName>) => void;
  /** Forgets all hooks, and waits for those that run. */
  readonly stop: () => Promise<void>;
}

export function createHooks(
  { timeoutMs: defaultTimeoutMs }: { readonly timeoutMs: number },
  logger: Logger,
  metrics: Pick<Metrics, 'hookFailures'>,
): HookRunner {
  const registered = new Map<string, Registered[]>();
  const running = new Set<Promise<unknown>>();
  const hooksOf = (phase: Phase, operation: string): Registered[] => registered.get(`${phase} ${operation}`) ?? [];

  const add = (phase: Phase, operation: string, options: HookOptions, call: HookCall<never, unknown>): (() => void) => {
    if (!Object.hasOwn(OPERATIONS, operation)) throw new Error(`there is no operation "${operation}" to hook into`);
    if (typeof call !== 'function') throw new Error(`hook "${options.name}" is not a function`);
    const hooks = hooksOf(phase, operation);
    if (hooks.some(({ name }) => name === options.name)) {
      throw new Error(`${phase} ${operation} has a hook "${options.name}" already`);
    }
    const hook = { name: options.name, timeoutMs: options.timeoutMs ?? defaultTimeoutMs, call };
    registered.set(`${phase} ${operation}`, [...hooks, hook]);
    return () => {
      registered.set(
        `${phase} ${operation}`,
        hooksOf(phase, operation).filter((other) => other !== hook),
      );
    };
  };

  const failed = (phase: Phase, hook: Registered, event: BeforeEvent<OperationName>, error: unknown): void => {
    const { operation, requestId } = event;
    metrics.hookFailures.inc({ operation, phase });
    logger.error({ ...errorFields(error), operation, phase, hook: hook.name, requestId }, 'Hook failed');
  };

  return {
    before: (operation, options, hook) => add('before', operation, options, hook),
    after: (operation, options, hook) => add('after', operation, options, hook),
    runBefore: async (event) => {
      for (const hook of hooksOf('before', event.operation)) {
        const verdict = await callWithin(hook, event).catch((error: unknown) => {
          failed('before', hook, event, error);
          throw new MatrixError('M_UNKNOWN', 'A check before this operation failed', { cause: error });
        });
        if (verdict instanceof Denial) throw new MatrixError(verdict.errcode, verdict.reason);
      }
    },
    runAfter: (event) => {
      for (const hook of hooksOf('after', event.operation)) {
        const call = callWithin(hook, event)
          .catch((error: unknown) => failed('after', hook, event, error))
          .finally(() => running.delete(call));
        running.add(call);
      }
    },
    stop: async () => {
      registered.clear();
      await Promise.all(running);
    },
  };
}

async function callWithin({ call, timeoutMs }: Registered, event: object): Promise<unknown> {
  const ended = new AbortController();
  const late = async (): Promise<never> => {
    await delay(timeoutMs, undefined, { signal: ended.signal });
    throw new Error(`no answer within ${timeoutMs} ms`);
  };
  const timedOut = new AbortController();
  try {
    // The registry keys hooks by operation, so the event is of the hook's own type.
    const hook = call as HookCall<object, unknown>;
    return await Promise.race([Promise.resolve().then(() => hook(Object.freeze(event), timedOut.signal)), late()]);
  } catch (error) {
    timedOut.abort();
    throw toError(error);
  } finally {
    ended.abort();
  }
}
