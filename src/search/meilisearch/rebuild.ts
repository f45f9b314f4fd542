import type { Logger } from '../../host.ts';
import { EngineError, toEngineError } from '../engine-error.ts';
import type { RebuildRef, SearchRebuild } from '../search-index.ts';
import { ENGINE, type EngineClient } from './client.ts';
import type { DocumentWriter } from './document-writer.ts';
import { dropIndex, ensureIndex } from './index-setup.ts';
import { type Tasks, taskError } from './tasks.ts';

/** Maximum number of swaps that a rebuild sends before it fails. */
const MAX_SWAPS = 5;

export interface RebuildContext {
  readonly client: EngineClient;
  readonly tasks: Tasks;
  readonly writer: DocumentWriter;
  readonly indexUid: string;
  readonly logger: Logger;
}

/**
 * Fills a second index, the shadow, and swaps it with the live index. The `createdAt` of the shadow marks the new content. A
 * swap moves `createdAt` together with the content, so the index with this `createdAt` has the new content.
 */
export function createRebuild({ client, tasks, writer, indexUid, logger }: RebuildContext): SearchRebuild {
  const shadowOf = (rebuildId: string): string => `${indexUid}_${rebuildId.replace(/[^A-Za-z0-9]/g, '').slice(0, 32)}`;

  const holds = async (uid: string, { marker }: RebuildRef): Promise<boolean> =>
    (await client.getIndex(uid))?.createdAt === marker;

  /**
   * Finds the index that has the new content: the shadow, or the live index after the swap. Throws if neither has it, because a
   * write to a missing index would create an index without settings.
   */
  const locate = async (rebuild: RebuildRef): Promise<string> => {
    for (const uid of [shadowOf(rebuild.id), indexUid]) if (await holds(uid, rebuild)) return uid;
    throw new EngineError(
      'protocol',
      `Meilisearch has lost the shadow ${shadowOf(rebuild.id)}: start the rebuild again`,
    );
  };

  /**
   * Waits until Meilisearch has done all earlier tasks of the live index, including swaps. Sends a removal of no documents, and
   * waits for its task, because Meilisearch runs the tasks of an index in order.
   */
  const fence = async (): Promise<void> => tasks.settle(await client.deleteDocuments(indexUid, []), ['task_not_found']);

  /**
   * Sends one swap, and waits for its task. Throws if the task fails or is cancelled. Afterwards, the caller must check whether
   * the swap was done, because the answer may be lost, and a task may succeed without a swap.
   */
  const sendSwap = async (shadowUid: string): Promise<void> => {
    try {
      const taskUid = await client.swapIndexes(indexUid, shadowUid);
      const outcome = await tasks.wait(taskUid);
      if (outcome.status === 'failed' || outcome.status === 'canceled') throw taskError(taskUid, outcome);
    } catch (thrown) {
      const error = toEngineError(thrown);
      const isLost = error.kind === 'connection' || error.kind === 'timeout' || (error.status ?? 0) >= 500;
      if (!isLost) throw error;
      logger.warn({ engine: ENGINE, error: error.message }, 'The answer to the swap of search indexes was lost');
    }
  };

  const swap = async (rebuild: RebuildRef): Promise<void> => {
    const shadowUid = shadowOf(rebuild.id);
    await ensureIndex(client, tasks, indexUid);
    for (let sent = 0; ; sent += 1) {
      // A swap that an earlier call sent may still be queued. A server that was killed during a swap may do the swap twice.
      await fence();
      if (await holds(indexUid, rebuild)) break;
      if (sent >= MAX_SWAPS || !(await holds(shadowUid, rebuild))) {
        throw new EngineError('protocol', `Meilisearch did not swap ${shadowUid} with ${indexUid}`);
      }
      await sendSwap(shadowUid);
    }
    await dropIndex(client, tasks, shadowUid);
  };

  return {
    begin: (rebuildId) => ensureIndex(client, tasks, shadowOf(rebuildId)),
    load: async (rebuild, documents, commit) => {
      await writer.add(await locate(rebuild), documents);
      await commit(async () => undefined);
    },
    finishLoad: async (rebuild) => {
      await tasks.drain(await locate(rebuild));
      await locate(rebuild);
    },
    write: async (rebuild, writes) => writer.write(await locate(rebuild), writes),
    swap,
    abort: (rebuildId) => dropIndex(client, tasks, shadowOf(rebuildId)),
  };
}
