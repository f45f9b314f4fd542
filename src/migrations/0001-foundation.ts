import type { Knex } from 'knex';

const UP = `
CREATE TABLE matrix_admin.jobs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  kind text NOT NULL,
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  dedupe_key text,
  input jsonb NOT NULL DEFAULT '{}',
  checkpoint jsonb,
  phase text,
  done bigint NOT NULL DEFAULT 0,
  total bigint,
  rate double precision,
  attempts integer NOT NULL DEFAULT 0,
  failures integer NOT NULL DEFAULT 0,
  done_at_claim bigint NOT NULL DEFAULT 0,
  cancel_requested boolean NOT NULL DEFAULT false,
  created_by text NOT NULL,
  request_id text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  run_after timestamptz NOT NULL DEFAULT clock_timestamp(),
  lease_owner uuid,
  lease_until timestamptz,
  result jsonb,
  error text
);
CREATE UNIQUE INDEX jobs_one_unfinished_per_dedupe_key ON matrix_admin.jobs (dedupe_key)
  WHERE state IN ('queued', 'running');
CREATE INDEX jobs_unfinished ON matrix_admin.jobs (run_after) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_by_age ON matrix_admin.jobs (created_at, id);

CREATE TABLE matrix_admin.job_ranges (
  job_id uuid NOT NULL REFERENCES matrix_admin.jobs ON DELETE CASCADE,
  range_no integer NOT NULL,
  upper_position bigint NOT NULL,
  position bigint NOT NULL,
  done bigint NOT NULL DEFAULT 0,
  finished boolean NOT NULL DEFAULT false,
  workers uuid[] NOT NULL DEFAULT '{}',
  lease_owner uuid,
  lease_until timestamptz,
  PRIMARY KEY (job_id, range_no)
);

CREATE TABLE matrix_admin.audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  operation text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('ok', 'refused', 'failed')),
  actor text NOT NULL,
  target text,
  job_id uuid,
  errcode text,
  request_id text NOT NULL,
  address text
);
CREATE INDEX audit_by_actor ON matrix_admin.audit (actor, id);
CREATE INDEX audit_by_target ON matrix_admin.audit (target, id);

CREATE TABLE matrix_admin.search_indexes (
  engine text PRIMARY KEY,
  rebuild_id uuid,
  rebuild_marker text,
  last_rebuild_at timestamptz,
  delivery_owner uuid,
  delivery_until timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE TABLE matrix_admin.search_changes (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  engine text NOT NULL,
  event_id text NOT NULL,
  for_index boolean NOT NULL,
  for_rebuild boolean NOT NULL
);
CREATE INDEX search_changes_for_index ON matrix_admin.search_changes (engine, seq) WHERE for_index;
CREATE INDEX search_changes_for_rebuild ON matrix_admin.search_changes (engine, seq) WHERE for_rebuild;
CREATE TABLE matrix_admin.search_edits (
  edit_event_id text COLLATE "C" PRIMARY KEY,
  original_event_id text COLLATE "C" NOT NULL
);
CREATE INDEX search_edits_by_original ON matrix_admin.search_edits (original_event_id);
CREATE TABLE matrix_admin.search_documents (
  event_id text COLLATE "C" NOT NULL,
  room_id text COLLATE "C" NOT NULL,
  sender text NOT NULL,
  stream_position bigint NOT NULL,
  key text NOT NULL,
  text text NOT NULL,
  lexemes tsvector NOT NULL
);
CREATE UNIQUE INDEX search_documents_event_id ON matrix_admin.search_documents (event_id);
CREATE INDEX search_documents_room_id ON matrix_admin.search_documents (room_id, stream_position);
CREATE INDEX search_documents_lexemes ON matrix_admin.search_documents USING gin (lexemes);

CREATE TABLE matrix_admin.rate_limits (
  key varchar(255) PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
);
`;

/** Creates the tables for jobs, the audit, search and rate limits. */
export const foundation = {
  name: '0001-foundation',
  up: async (db: Knex): Promise<void> => {
    await db.raw(UP);
  },
  down: async (db: Knex): Promise<void> => {
    await db.raw('DROP SCHEMA matrix_admin CASCADE');
  },
};
