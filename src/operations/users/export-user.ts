import type { Knex } from 'knex';
import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { UserId } from '../../ids.ts';
import { toJson } from '../../json.ts';
import { findJob } from '../../storage/plugin/jobs.ts';
import { deleteExport, findExportPart, insertExportPart } from '../../storage/plugin/user-exports.ts';
import { RECORD_TYPES, readUserRecords, type UserRecord } from '../../storage/user-records.ts';
import { defineJobOperation, defineOperation, type JobScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { requireAccount } from './local-account.ts';
import { userIdInput } from './user-id-input.ts';

/** Maximum number of records in one part of an export. */
const PART = 250;

/** The result of an export. */
export interface ExportedUser {
  /** Number of records. */
  readonly records: number;
  /** Numbers of records by type. Absent types have no records. */
  readonly types: Readonly<Record<string, number>>;
}

interface Progress extends ExportedUser {
  /** Index of the type of records that comes next, in `RECORD_TYPES`. After the last type, the record `end` comes next. */
  readonly type: number;
  /** Where the next part of this type begins: after this record. Absent if the type has no stored part yet. */
  readonly after?: string | undefined;
  /** Number of stored parts. */
  readonly parts: number;
}

/**
 * Exports what the homeserver stores of a local user: the account, profile, devices, addresses, account data, rooms, events,
 * receipts, media, reports and more. `readUserExport` reads the export. The export is deleted together with its job, by default
 * seven days after the end of the job. The export contains no password hash, no token, no encryption key, and nothing that
 * other people have written. Of key backups, the export contains only the number of keys. The export contains no visits if
 * another server name of the homeserver has an account with the same localpart, because nothing tells whose visits they are.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const exportUser = defineJobOperation({
  access: 'admin',
  effect: 'job',
  input: inputObject({
    /** The local user, active or deactivated. */
    userId: userIdInput,
  }),
  target: ({ userId }) => userId,
  dedupeKey: ({ userId }) => userId,
  begin: (scope, { userId }) => requireAccount({ ...scope, db: scope.transaction }, userId),
  run: async (work: JobScope<Progress>, { userId }): Promise<ExportedUser> => {
    let progress: Progress = work.checkpoint ?? { records: 0, types: {}, type: 0, parts: 0 };
    while (progress.type <= RECORD_TYPES.length) {
      const before = progress;
      progress = await work.commit(async (transaction) => {
        const next = await exportNext(transaction, jobIdOf(work), userId, before);
        return { checkpoint: next, phase: RECORD_TYPES[before.type] ?? 'end', done: next.records, value: next };
      });
    }
    return { records: progress.records, types: progress.types };
  },
  cleanUp: ({ db }, { id }) => deleteExport(db, id),
});

function jobIdOf({ jobRun }: Pick<JobScope, 'jobRun'>): string {
  if (jobRun === undefined) throw new Error('an export has no dry run');
  return jobRun.job.id;
}

/**
 * Stores the next part of an export, which has records of one type, and returns the progress. Stores nothing if no records of
 * the type are left. The last part has only one record, with the type `end`. This record tells how many other records there
 * are.
 */
async function exportNext(
  transaction: Knex.Transaction,
  jobId: string,
  userId: UserId,
  { records: before, types, type: index, after, parts }: Progress,
): Promise<Progress> {
  const type = RECORD_TYPES[index];
  const { records, next }: { readonly records: readonly UserRecord[]; readonly next: string | undefined } =
    type === undefined
      ? { records: [{ type: 'end', records: before }], next: undefined }
      : await readUserRecords(transaction, userId, type, after, PART);
  if (records.length > 0) {
    await insertExportPart(transaction, jobId, parts, records.map((record) => `${toJson(record)}\n`).join(''));
  }
  const counted = type === undefined || records.length === 0 ? {} : { [type]: (types[type] ?? 0) + records.length };
  return {
    records: before + (type === undefined ? 0 : records.length),
    types: { ...types, ...counted },
    type: next === undefined ? index + 1 : index,
    after: next,
    parts: parts + (records.length > 0 ? 1 : 0),
  };
}

/** One part of an export, and a function that reads this part and all later parts. */
export interface UserExport {
  readonly userId: string;
  readonly records: readonly UserRecord[];
  /** The value of `from` for the next part. Absent for the last part, whose only record has the type `end`. */
  readonly nextToken: number | undefined;
  /** Reads this part and all later parts as lines of JSON (NDJSON). Each text consists of whole lines. */
  readonly lines: () => AsyncIterable<string>;
}

/**
 * Reads an export of a user, part by part.
 * @throws MatrixError `M_NOT_FOUND` if there is no such export, or no such part
 * @throws MatrixError `M_BAD_STATE` if the export is not complete
 */
export const readUserExport = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The id of the job that has made the export. */
    jobId: z.string(),
    /** `nextToken` of the previous part. @defaultValue 0 */
    from: z.int().min(0).max(2_147_483_647).default(0),
  }),
  run: async ({ db }, { jobId, from }): Promise<UserExport> => {
    const job = z.uuid().safeParse(jobId).success ? await findJob(db, jobId) : undefined;
    if (job?.kind !== 'exportUser') throw new MatrixError('M_NOT_FOUND', 'there is no such export');
    if (job.state !== 'succeeded') throw new MatrixError('M_BAD_STATE', 'the export is not complete');
    const part = await findExportPart(db, jobId, from);
    if (part === undefined) throw new MatrixError('M_NOT_FOUND', 'the export has no such part');
    const records = recordsOf(part);
    const isLast = records.at(-1)?.type === 'end';
    return {
      userId: String(job.input['userId']),
      records,
      nextToken: isLast ? undefined : from + 1,
      lines: () => linesFrom(db, jobId, from),
    };
  },
});

// The casts are safe, because `exportUser` has written the lines.
const recordsOf = (part: string): UserRecord[] =>
  part
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as UserRecord);

async function* linesFrom(db: Knex, jobId: string, from: number): AsyncGenerator<string, void, undefined> {
  for (let part = from; ; part += 1) {
    const lines = await findExportPart(db, jobId, part);
    if (lines === undefined) return;
    yield lines;
  }
}
