import { EngineError } from '../engine-error.ts';
import type { RetryPolicy } from '../retry.ts';
import type { EngineClient } from './client.ts';
import { missingSettings } from './settings.ts';
import type { Tasks } from './tasks.ts';

/**
 * Creates the index if it is missing, and writes the settings that the index lacks. Callers must call this function before they
 * add documents, because a later change of settings makes Meilisearch index all documents again.
 * @param policy the retry policy of the first request, which finds out whether Meilisearch is available
 * @returns `createdAt` of the index. A swap of two indexes swaps `createdAt` together with the content.
 */
export async function ensureIndex(
  client: EngineClient,
  tasks: Tasks,
  indexUid: string,
  policy?: RetryPolicy,
): Promise<string> {
  if ((await client.getIndex(indexUid, policy)) === undefined) {
    // Another process may have created the index in the meantime.
    await tasks.settle(await client.createIndex(indexUid), ['index_already_exists', 'task_not_found']);
  }
  const missing = missingSettings(await client.getSettings(indexUid));
  if (Object.keys(missing).length > 0) {
    await tasks.settle(await client.updateSettings(indexUid, missing), ['task_not_found']);
    const still = Object.keys(missingSettings(await client.getSettings(indexUid)));
    if (still.length > 0)
      throw new EngineError('protocol', `Meilisearch did not apply the settings: ${still.join(', ')}`);
  }
  const index = await client.getIndex(indexUid);
  if (index === undefined) throw new EngineError('protocol', `Meilisearch lost the index ${indexUid}`);
  return index.createdAt;
}

/** Cancels the tasks that are queued for the index, and deletes the index. Returns when the index no longer exists. */
export async function dropIndex(client: EngineClient, tasks: Tasks, indexUid: string): Promise<void> {
  do {
    await client.cancelTasks(indexUid);
    await tasks.drain(indexUid);
    if ((await client.getIndex(indexUid)) === undefined) return;
    await tasks.settle(await client.deleteIndex(indexUid), ['index_not_found', 'task_not_found']);
    // Another process may have sent documents in the meantime. Meilisearch then creates the index again, so the loop deletes it
    // again.
  } while ((await client.getIndex(indexUid)) !== undefined);
}
