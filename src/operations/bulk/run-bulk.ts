import { z } from 'zod';
import { describeError, MatrixError } from '../../errors.ts';
import { allEnded } from '../../storage/database.ts';
import {
  type BulkItem,
  type BulkSelection,
  countBulkItems,
  findBulkSelection,
  forgetBulkOptions,
  listBulkItems,
  setBulkJob,
  setBulkOutcome,
  useBulkSelection,
} from '../../storage/plugin/bulk-selections.ts';
import { nameOf } from '../actor.ts';
import { defineJobOperation, defineOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { bulkTargetNamed, isBulkOperation } from './bulk-targets.ts';

/** Number of items that one query reads. An item is a user or a room. */
const PAGE = 100;
/**
 * Number of items that a job processes in parallel. Parallel work is faster, because an operation such as a deletion mostly
 * waits for other servers.
 */
const AT_ONCE = 4;
/** Maximum number of failures in the result. `getBulk` shows all failures. */
const MAX_FAILURES = 1_000;

/** The checkpoint of the job. `position` is the position of the next item in the selection. */
interface Progress {
  readonly position: number;
}

/** The result of a bulk operation. */
export interface BulkResult {
  readonly operation: string;
  readonly total: number;
  readonly ok: number;
  readonly failed: number;
  /** The first 1000 failures. Absent if there are none. */
  readonly failures?: readonly { readonly id: string; readonly reason: string }[];
}

const noSelection = (): MatrixError => new MatrixError('M_NOT_FOUND', 'no such selection; it may have expired');

/**
 * Runs a planned operation on all users or rooms of a selection, which is the list that `planBulk` has stored. The job calls
 * the operation once for each user or room, on behalf of the administrator who started the job. If a call fails, the job
 * continues with the other users or rooms. After a crash, the job does not repeat calls that have succeeded.
 * @throws MatrixError `M_NOT_FOUND` if there is no such selection, if the selection has expired, or if another administrator
 * has made it
 * @throws MatrixError 409 `M_BAD_STATE` if the selection has already been used
 */
export const runBulk = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The token that `planBulk` has returned. */
    token: z.uuid(),
  }),
  dedupeKey: ({ token }) => token,
  begin: async ({ transaction, actor }, { token }) => {
    const selection = await findBulkSelection(transaction, token, { lock: true });
    if (selection === undefined || selection.createdBy !== nameOf(actor)) throw noSelection();
    if (selection.isUsed) throw new MatrixError('M_BAD_STATE', 'This selection has been used', { status: 409 });
    if (selection.expiresAt < Date.now()) throw noSelection();
    await useBulkSelection(transaction, token);
  },
  run: async (work: JobScope<Progress>, { token }): Promise<BulkResult> => {
    const selection = await begin(work, token);
    let position = work.checkpoint?.position ?? 0;
    const { total } = await countBulkItems(work.reader(), token);
    for (;;) {
      const items = await listBulkItems(work.reader(), token, position, AT_ONCE);
      if (items.length === 0) break;
      work.signal.throwIfAborted();
      const outcomes = await allEnded(items.map((item) => doItem(work, selection, item)));
      position += items.length;
      await work.commit(async (transaction) => {
        for (const outcome of outcomes) await setBulkOutcome(transaction, token, outcome);
        return { checkpoint: { position }, phase: selection.operation, done: position, total, value: undefined };
      });
    }
    await forgetBulkOptions(work.reader(), token);
    return resultOf(work, selection);
  },
  cleanUp: async ({ db }, { input: { token } }) => {
    if (typeof token === 'string') await forgetBulkOptions(db, token);
  },
});

async function begin(work: JobScope<Progress>, token: string): Promise<BulkSelection> {
  const { jobRun, checkpoint = { position: 0 } } = work;
  return work.commit(async (transaction) => {
    const selection = await findBulkSelection(transaction, token);
    if (selection === undefined || jobRun === undefined) throw noSelection();
    await setBulkJob(transaction, token, jobRun.job.id);
    return { checkpoint, phase: selection.operation, value: selection };
  });
}

type Outcome = Omit<BulkItem, 'id'>;

/**
 * Calls the operation for one item. If the process crashes after a successful call and before it stores the outcome, the
 * resumed job does not call the operation again.
 */
async function doItem(
  { calls, actor, signal, jobRun }: JobScope<Progress>,
  { operation, options }: BulkSelection,
  { id, position }: BulkItem,
): Promise<Outcome> {
  if (!isBulkOperation(operation)) throw new MatrixError('M_UNRECOGNIZED', `there is no bulk operation ${operation}`);
  const requestId = `${jobRun?.job.id ?? ''}/${position}`;
  const input = bulkTargetNamed(operation).input(id, options, requestId);
  const refusal = await calls.runOnce(operation, input, { actor, requestId, signal });
  return refusal === undefined
    ? { position, outcome: 'ok', errcode: undefined, error: undefined }
    : { position, outcome: 'failed', errcode: refusal.errcode, error: describeError(refusal) };
}

async function resultOf(work: JobScope<Progress>, { token, operation }: BulkSelection): Promise<BulkResult> {
  const { total, ok, failed } = await countBulkItems(work.reader(), token);
  const failures: { id: string; reason: string }[] = [];
  for (let from = 0; failures.length < Math.min(failed, MAX_FAILURES); from += PAGE) {
    const items = await listBulkItems(work.reader(), token, from, PAGE);
    failures.push(...items.flatMap(({ id, error }) => (error === undefined ? [] : [{ id, reason: error }])));
  }
  return {
    operation,
    total,
    ok,
    failed,
    ...(failures.length > 0 && { failures: failures.slice(0, MAX_FAILURES) }),
  };
}

/** A selection, and the outcomes of a page of its items. `nextToken` is the `from` of the next page. */
export interface BulkView {
  readonly token: string;
  readonly operation: string;
  readonly createdBy: string;
  readonly expiresTs: number;
  readonly jobId: string | null;
  readonly total: number;
  readonly ok: number;
  readonly failed: number;
  readonly items: readonly {
    readonly id: string;
    readonly outcome: BulkItem['outcome'];
    readonly errcode: string | null;
    readonly error: string | null;
  }[];
  readonly nextToken: number | undefined;
}

/**
 * Shows a selection, and page by page the outcome for each of its users or rooms.
 * @throws MatrixError `M_NOT_FOUND` if there is no such selection
 */
export const getBulk = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The token that `planBulk` has returned. */
    token: z.string(),
    /** `nextToken` of the previous page. @defaultValue 0 */
    from: z.int().min(0).default(0),
    /** Maximum number of items on the page. @defaultValue 100 */
    limit: z.int().min(1).max(1_000).default(100),
  }),
  run: async ({ db }, { token, from, limit }): Promise<BulkView> => {
    const selection = z.uuid().safeParse(token).success ? await findBulkSelection(db, token) : undefined;
    if (selection === undefined) throw noSelection();
    const { total, ok, failed } = await countBulkItems(db, token);
    const items = await listBulkItems(db, token, from, limit);
    return {
      token,
      operation: selection.operation,
      createdBy: selection.createdBy,
      expiresTs: selection.expiresAt,
      jobId: selection.jobId ?? null,
      total,
      ok,
      failed,
      items: items.map(({ id, outcome, errcode, error }) => ({
        id,
        outcome,
        errcode: errcode ?? null,
        error: error ?? null,
      })),
      nextToken: from + items.length < total ? from + items.length : undefined,
    };
  },
});
