import { createHash } from 'node:crypto';
import type { ServerName } from '../../index.ts';
import { canonicalJson, isRecord } from '../../matrix/index.ts';
import type { QueuedJson, QueuedTransaction } from '../storage/federation-queue.ts';

export interface Transaction {
  /**
   * Id of the transaction. The same queue entries always give the same id, so a server recognises a repeated transaction even
   * if this process has crashed in between.
   */
  readonly txnId: string;
  readonly content: {
    readonly origin: ServerName;
    readonly origin_server_ts: number;
    readonly pdus: readonly unknown[];
    readonly edus: readonly unknown[];
  };
  /**
   * NIDs (numbers) of queue entries that the transaction leaves out. No server would accept these entries, because they cannot
   * be written as canonical JSON.
   */
  readonly unsendable: readonly string[];
}

/** Builds a transaction from queued PDUs and EDUs. Source: Server-Server API, "Transactions". */
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

/**
 * Parses the JSON of a queue entry, and removes the fields that Dendrite adds to an event when it stores the event. `object` is
 * `undefined` if the JSON cannot be written as canonical JSON.
 */
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
