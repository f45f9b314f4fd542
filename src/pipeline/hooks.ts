import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorCode, errorFields, isOwnErrorCode, MatrixError, type OwnErrorCode, toError } from '../errors.ts';
import type { Logger } from '../host.ts';
import type { Metrics } from '../metrics.ts';
import type { Actor } from '../operations/actor.ts';
import { OPERATIONS, type OperationName, type OperationOutput, type ValidInput } from '../operations/operations.ts';

/** The event that a before-hook gets. The event and everything in it are frozen. */
export interface BeforeEvent<Name extends OperationName> {
  readonly operation: Name;
  readonly input: ValidInput<Name>;
  readonly actor: Actor;
  readonly requestId: string;
}

/**
 * The event that an after-hook gets after the operation has committed. The event and everything in it are frozen. `result` is a
 * copy.
 */
export interface AfterEvent<Name extends OperationName> extends BeforeEvent<Name> {
  readonly result: OperationOutput<Name>;
}

/** The value with which a before-hook refuses an operation. `deny()` creates it. */
export class Denial {
  readonly errcode: ErrorCode | OwnErrorCode;
  readonly reason: string;
  /** Further fields of the error, such as `approval_id`. */
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(errcode: ErrorCode | OwnErrorCode, reason: string, fields: Readonly<Record<string, unknown>> = {}) {
    this.errcode = errcode;
    this.reason = reason;
    this.fields = fields;
  }
}

/**
 * Creates the value that a before-hook returns to refuse the operation. The caller sees the reason.
 * @param errcode a code of the specification, or a code of the host. For a host's own code, the HTTP status is 403.
 * @throws TypeError if `errcode` is not an error code, or if `reason` is empty or not a string
 */
export function deny<Code extends string>(
  errcode: Code & (Code extends `M_${string}` ? ErrorCode : unknown),
  reason: string,
): Denial {
  // The code checks both types at run time, because hosts in plain JavaScript have no type checker.
  const given: readonly unknown[] = [errcode, reason];
  if (!isOwnErrorCode(given[0])) throw badDenial('errcode must be a text such as M_FORBIDDEN or ORG_EXAMPLE_REASON');
  if (typeof given[1] !== 'string' || given[1] === '') throw badDenial('reason must be a text for the caller');
  return new Denial(given[0], given[1]);
}

const badDenial = (problem: string): TypeError => new TypeError(`deny(errcode, reason): ${problem}`);

export interface HookOptions {
  /** Name of the hook in logs. Two hooks of the same operation and phase cannot have the same name. */
  readonly name: string;
  /** Time limit of one call of the hook, in ms. @defaultValue `hooks.timeoutMs` of the plugin's options, 5000 */
  readonly timeoutMs?: number;
}

/** Maximum delay of a Node.js timer, in ms. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** A hook's function. `signal` is aborted when the hook exceeds its time limit. */
type HookCall<Event, Result> = (event: Event, signal: AbortSignal) => Result | Promise<Result>;

/** `admin.hooks` of the plugin. Each function returns a function that removes the hook again. */
export interface Hooks {
  /**
   * Adds a hook that runs before an operation. Hooks run in the order in which they were added. A hook refuses the operation by
   * returning `deny(…)`, and lets it pass by returning `undefined`. The operation fails with status 500 if a hook throws,
   * exceeds its time limit or returns any other value.
   * @throws Error if the operation does not exist, the name is taken, or the time limit is invalid
   */
  readonly before: <Name extends OperationName>(
    operation: Name,
    options: HookOptions,
    hook: HookCall<BeforeEvent<Name>, Denial | undefined>,
  ) => () => void;
  /**
   * Adds a hook that runs after an operation has committed. The hook does not run after a dry run. Several hooks run in
   * parallel. If the hook throws or exceeds its time limit, the plugin logs and counts the error, and the operation still
   * succeeds. The hook does not run if the process dies between the commit and the hook.
   * @throws Error if the operation does not exist, the name is taken, or the time limit is invalid
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

/** The facts that before-hooks need about the call for which they run. */
interface AskingCall {
  readonly isDryRun: boolean;
  /** Ids of the approvals that before-hooks require for this call. */
  readonly approvals: Set<string>;
}

/** The hooks of the host, and the functions with which the pipeline runs them. */
export interface HookRunner extends Hooks {
  /**
   * Runs the before-hooks.
   * @throws MatrixError if a hook refuses the operation; `M_UNKNOWN` if a hook failed or the plugin has been stopped
   */
  readonly runBefore: (event: BeforeEvent<OperationName>, call: AskingCall) => Promise<void>;
  /** Returns the call to which an event belongs. Returns `undefined` if no before-hook got this event object. */
  readonly callOf: (event: object) => AskingCall | undefined;
  /** Starts the after-hooks, and returns at once. Only `stop()` waits for the hooks to end. */
  readonly runAfter: (event: AfterEvent<OperationName>) => void;
  /** Removes all hooks, and waits for running after-hooks. Later calls of `runBefore()` throw. */
  readonly stop: () => Promise<void>;
}

export function createHooks(
  { timeoutMs: defaultTimeoutMs }: { readonly timeoutMs: number },
  logger: Logger,
  metrics: Pick<Metrics, 'hookFailures'>,
): HookRunner {
  const registered = new Map<string, Registered[]>();
  const running = new Set<Promise<unknown>>();
  const calls = new WeakMap<object, AskingCall>();
  let stopped = false;
  const hooksOf = (phase: Phase, operation: string): Registered[] => registered.get(`${phase} ${operation}`) ?? [];

  const add = (phase: Phase, operation: string, options: HookOptions, call: HookCall<never, unknown>): (() => void) => {
    if (!Object.hasOwn(OPERATIONS, operation)) throw new Error(`there is no operation "${operation}" to hook into`);
    if (typeof call !== 'function') throw new Error(`hook "${options.name}" is not a function`);
    const hooks = hooksOf(phase, operation);
    if (hooks.some(({ name }) => name === options.name)) {
      throw new Error(`there is already a hook "${options.name}" ${phase} ${operation}`);
    }
    const { name, timeoutMs = defaultTimeoutMs } = options;
    if (!(timeoutMs > 0 && timeoutMs <= LONGEST_TIMEOUT_MS)) {
      throw new Error(`hook "${name}": timeoutMs must be from 1 to ${LONGEST_TIMEOUT_MS}`);
    }
    const hook = { name, timeoutMs, call };
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
    callOf: (event) => calls.get(event),
    runBefore: async (event, asking) => {
      // `stop()` has removed the hooks. Without this check, an operation would run although a removed hook would refuse it.
      if (stopped) throw new MatrixError('M_UNKNOWN', 'The admin plugin has been stopped', { status: 503 });
      const hooks = hooksOf('before', event.operation);
      if (hooks.length === 0) return;
      const seen = frozenCopy(event);
      calls.set(seen, asking);
      for (const hook of hooks) {
        const verdict = await callWithin(hook, seen)
          .then(verdictOf)
          .catch((error: unknown) => {
            failed('before', hook, event, error);
            throw new MatrixError('M_UNKNOWN', 'A check before this operation failed', { cause: error });
          });
        if (verdict !== undefined) throw new MatrixError(verdict.errcode, verdict.reason, { fields: verdict.fields });
      }
    },
    runAfter: (event) => {
      const hooks = hooksOf('after', event.operation);
      const seen = hooks.length > 0 ? frozenCopy(event) : event;
      for (const hook of hooks) {
        const call = callWithin(hook, seen)
          .catch((error: unknown) => failed('after', hook, event, error))
          .finally(() => running.delete(call));
        running.add(call);
      }
    },
    stop: async () => {
      stopped = true;
      registered.clear();
      await Promise.all(running);
    },
  };
}

function verdictOf(returned: unknown): Denial | undefined {
  if (returned === undefined || returned instanceof Denial) return returned;
  throw new Error('the hook returned neither deny(…) nor undefined');
}

/** Makes a frozen copy of an event. All hooks that get the event share the copy. The operation gets the original input. */
function frozenCopy<Event extends object>(event: Event): Event {
  const freeze = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  };
  const copy = structuredClone(event);
  freeze(copy);
  return copy;
}

async function callWithin({ call, timeoutMs }: Registered, event: object): Promise<unknown> {
  const ended = new AbortController();
  const late = async (): Promise<never> => {
    await delay(timeoutMs, undefined, { signal: ended.signal });
    throw new Error(`the hook has not ended within ${timeoutMs} ms`);
  };
  const timedOut = new AbortController();
  try {
    // The cast is safe: `registered` stores hooks by phase and operation, so a hook only gets events of its own operation.
    const hook = call as HookCall<object, unknown>;
    return await Promise.race([Promise.resolve().then(() => hook(event, timedOut.signal)), late()]);
  } catch (error) {
    timedOut.abort();
    throw toError(error);
  } finally {
    ended.abort();
  }
}
