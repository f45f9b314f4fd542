import { createHash } from 'node:crypto';
import type { ServerName } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import { canonicalJson } from '../../matrix/canonical-json.ts';
import type { QueuedJson, QueuedTransaction } from '../storage/federation-queue.ts';

export interface Transaction {
  /** The same for the same content, so that a server knows one again that it has had, also after a crash. */
  readonly txnId: string;
  readonly content: {
    readonly origin: ServerName;
    readonly origin_server_ts: number;
    readonly pdus: readonly unknown[];
    readonly edus: readonly unknown[];
  };
  /** Rows that no server would take: they are no canonical JSON. */
  readonly unsendable: readonly string[];
}

/** A transaction of what is queued. Server-Server API, "Transactions". */
export function transactionOf({ pdus, edus }: QueuedTransaction, origin: ServerName, now: number): Transaction {
  const wired = { pdus: pdus.map(wireForm), edus: edus.map(wireForm) };
  const sendable = (forms: readonly WireForm[]): WireForm[] => forms.filter(({ object }) => object !== undefined);
  const sent = { pdus: sendable(wired.pdus), edus: sendable(wired.edus) };
  const nids = (forms: readonly WireForm[]): string[] => forms.map(({ nid }) => nid);
  const name = JSON.stringify([nids(sent.pdus), nids(sent.edus)]);
  return {
    txnId: createHash('sha256').update(name).digest('base64url').slice(0, 24),
    content: {
      origin,
      origin_server_ts: now,
      pdus: sent.pdus.map(({ object }) => object),
      edus: sent.edus.map(({ object }) => object),
    },
    unsendable: nids([...wired.pdus, ...wired.edus].filter(({ object }) => object === undefined)),
  };
}

interface WireForm {
  readonly nid: string;
  readonly object: Readonly<Record<string, unknown>> | undefined;
}

/** Without what Dendrite stores beside an event. */
function wireForm({ nid, json }: QueuedJson): WireForm {
  try {
    const parsed: unknown = JSON.parse(json);
    if (!isRecord(parsed)) return { nid, object: undefined };
    const { _room_version: _version, _event_id: _id, ...object } = parsed;
    canonicalJson(object);
    return { nid, object };
  } catch {
    return { nid, object: undefined };
  }
}
