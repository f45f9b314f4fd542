import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorCode, errorFields, isOwnErrorCode, MatrixError, type OwnErrorCode, toError } from '../errors.ts';
import type { Logger } from '../host.ts';
import type { Metrics } from '../metrics.ts';
import type { Actor } from '../operations/actor.ts';
import { OPERATIONS, type OperationName, type OperationOutput, type ValidInput } from '../operations/operations.ts';

/** The event that a before-hook gets. Deeply frozen. */
export interface BeforeEvent<Name extends OperationName> {
  readonly operation: Name;
  readonly input: ValidInput<Name>;
  readonly actor: Actor;
  readonly requestId: string;
}

/** The event that an after-hook gets, once the operation has committed. Deeply frozen. `result` is a copy. */
export interface AfterEvent<Name extends OperationName> extends BeforeEvent<Name> {
  readonly result: OperationOutput<Name>;
}

/** A veto, made by `deny()`. */
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
 * Makes the value that a before-hook returns to refuse the operation. The caller sees the reason.
 * @param errcode a code of the specification, or a code of the host. The HTTP status of a host's code is 403.
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
  /** Name of the hook in logs, unique per operation and phase. */
  readonly name: string;
  /** Time limit of one call of the hook, in ms. @defaultValue `hooks.timeoutMs` of the plugin's options, 5000 */
  readonly timeoutMs?: number;
}

/** Maximum delay of a Node.js timer, in ms. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** A hook's function. `signal` is aborted when the hook exceeds its time limit. */
type HookCall<Event, Result> = (event: Event, signal: AbortSignal) => Result | Promise<Result>;

/** `admin.hooks`. Each call returns a function that removes the hook. */
export interface Hooks {
  /**
   * Adds a hook that runs before an operation. Hooks run in the order of registration. A hook vetoes the operation by returning
   * `deny(…)`. A hook that throws, exceeds its time limit or returns anything else but `undefined` makes the operation fail
   * with status 500.
   * @throws Error for an unknown operation, a name that is taken, or a bad time limit
   */
  readonly before: <Name extends OperationName>(
    operation: Name,
    options: HookOptions,
    hook: HookCall<BeforeEvent<Name>, Denial | undefined>,
  ) => () => void;
  /**
   * Adds a hook that runs after an operation has committed, in parallel with other hooks. The plugin logs and counts errors of
   * the hook; the operation still succeeds. The hook does not run if the process dies first.
   * @throws Error for an unknown operation, a name that is taken, or a bad time limit
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

/** The call that runs before-hooks. */
interface AskingCall {
  readonly isDryRun: boolean;
  /** Ids of the approvals that before-hooks require of this call. */
  readonly approvals: Set<string>;
}

/** Hooks with the means to run them. */
export interface HookRunner extends Hooks {
  /** @throws MatrixError the veto of a hook; `M_UNKNOWN` if a hook failed or the plugin has been stopped */
  readonly runBefore: (event: BeforeEvent<OperationName>, call: AskingCall) => Promise<void>;
  /** The call that an event belongs to. `undefined` unless a before-hook got this event and the call is still under way. */
  readonly callOf: (event: object) => AskingCall | undefined;
  /** Starts the after-hooks of an event. Returns at once; only `stop()` waits for the hooks. */
  readonly runAfter: (event: AfterEvent<OperationName>) => void;
  /** Removes all hooks, and waits for running hooks. */
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
      throw new Error(`${phase} ${operation} has a hook "${options.name}" already`);
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
      // A stopped plugin has no hooks, so that no hook could veto the operation.
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
  throw new Error('returned neither deny(…) nor undefined');
}

/** Makes a deeply frozen copy of an event. All hooks of a call share the copy. The operation gets the original input. */
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
    throw new Error(`no answer within ${timeoutMs} ms`);
  };
  const timedOut = new AbortController();
  try {
    // The registry stores hooks by operation, so the event has the type that the hook expects.
    const hook = call as HookCall<object, unknown>;
    return await Promise.race([Promise.resolve().then(() => hook(event, timedOut.signal)), late()]);
  } catch (error) {
    timedOut.abort();
    throw toError(error);
  } finally {
    ended.abort();
  }
}
