import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import { describeError, errorFields, MatrixError } from '../src/errors.ts';

/** Changes an error's message as Knex does when a query fails. */
function asKnexThrows<Thrown extends Error>(error: Thrown, statement = `select "x" where "token" = 'secret'`): Thrown {
  return Object.assign(error, { message: `${statement} - ${error.message}` });
}

describe('describeError', () => {
  it('includes the message of an error', () => {
    expect(describeError(new Error('the disk is full'))).toBe('the disk is full');
    expect(describeError(new MatrixError('M_NOT_FOUND', 'no such job'))).toBe('no such job');
    expect(describeError(new TypeError('two\n  at lines'))).toContain('two');
    expect(describeError('text')).toBe('text');
    expect(describeError(undefined)).toBe('undefined');
  });

  it('describes an error without a message', () => {
    expect(describeError(new AggregateError([], ''))).toBe('AggregateError');
  });

  it('includes the code and the names of a database error, but not its statement or values', () => {
    const error = Object.assign(new DatabaseError('duplicate key value (secret)', 10, 'error'), {
      code: '23505',
      severity: 'ERROR',
      table: 'jobs',
      constraint: 'jobs_pkey',
      detail: 'Key (token)=(secret) already exists.',
    });
    expect(describeError(asKnexThrows(error))).toBe('PostgreSQL error 23505 jobs jobs_pkey');
    expect(JSON.stringify(errorFields(asKnexThrows(error)))).not.toContain('secret');
  });

  it('includes no statement after the loss of a connection', () => {
    for (const statement of [
      'select 1',
      " \n WITH a AS (SELECT '\n - x')\n SELECT 1",
      'BEGIN;',
      'UPDATE t\n SET a = 1',
      'ANALYZE t (a)',
    ]) {
      const error = asKnexThrows(new Error('Connection terminated unexpectedly'), statement);
      expect(describeError(error)).toBe('Connection terminated unexpectedly');
      expect(errorFields(error).error).toBe('Connection terminated unexpectedly');
    }
  });
});
