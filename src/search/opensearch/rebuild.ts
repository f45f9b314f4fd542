import { z } from 'zod';
import { EngineError } from '../engine-error.ts';
import { PATIENT } from '../retry.ts';
import type { RebuildRef, SearchRebuild } from '../search-index.ts';
import type { EngineClient } from './client.ts';
import type { DocumentWriter } from './document-writer.ts';
import { REFRESH_INTERVAL } from './settings.ts';

/** The version of documents that a reindex loads. Changes that are made later have larger versions. */
const LOADED = 0;

const settingsSchema = z.record(z.string(), z.object({ settings: z.object({ 'index.uuid': z.string() }) }));

/**
 * Makes OpenSearch answer when all copies of the new index can be written, so that no document depends on a single node. If the
 * cluster has too few nodes for all copies, OpenSearch answers after `timeout`.
 */
const COPIES = { wait_for_active_shards: 'all', timeout: '10s' } as const;

/** Creates indexes, and lists those behind the alias of the live index. */
export interface Indexes {
  /**
   * Creates an index for documents. Keeps an index of this name that exists. If `isLive` is set, puts the new index behind the
   * alias of the live index.
   */
  readonly create: (name: string, options?: { readonly settings?: object; readonly isLive?: boolean }) => Promise<void>;
  /** Returns the names of the indexes behind the alias of the live index. Returns an empty list if there is no such alias. */
  readonly live: () => Promise<readonly string[]>;
}

export function createIndexes(client: EngineClient, alias: string): Indexes {
  return {
    create: async (name, { settings = {}, isLive = false } = {}) => {
      const aliases = { [writesTo(name)]: {}, ...(isLive && { [alias]: {} }) };
      try {
        await client.send({ method: 'PUT', path: `/${name}`, querystring: COPIES, body: { settings, aliases } });
      } catch (error) {
        if (!hasCode(error, 'resource_already_exists_exception')) throw error;
      }
    },
    live: async () => {
      try {
        return Object.keys(z.record(z.string(), z.unknown()).parse(await client.send(aliasRequest(alias))));
      } catch (error) {
        if (isNotFound(error)) return [];
        throw error;
      }
    },
  };
}

/** The alias under which the adapter writes to an index. With an alias, OpenSearch does not create a missing index. */
const writesTo = (name: string): string => `${name}-writes`;

const aliasRequest = (alias: string) => ({ method: 'GET', path: `/_alias/${alias}` }) as const;

const hasCode = (error: unknown, code: string): boolean => error instanceof EngineError && error.code === code;
export const isNotFound = (error: unknown): boolean => error instanceof EngineError && error.status === 404;

/**
 * Fills a new index, moves the alias of the live index to the new index, and deletes the old index. The marker of a rebuild is
 * the id that OpenSearch gives to the new index.
 */
export function createRebuild(
  client: EngineClient,
  writer: DocumentWriter,
  indexes: Indexes,
  alias: string,
): SearchRebuild {
  const nameOf = (rebuildId: string): string => `${alias}-${rebuildId.toLowerCase().replace(/[^a-z0-9]/g, '')}`;

  const markerOf = async (name: string): Promise<string | undefined> => {
    const request = { method: 'GET', path: `/${name}/_settings`, querystring: { flat_settings: true } } as const;
    try {
      return settingsSchema.parse(await client.send(request, PATIENT))[name]?.settings['index.uuid'];
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };

  /**
   * Returns the name of the new index. Throws if OpenSearch no longer has the new index, or has another index of the same name.
   */
  const confirm = async ({ id, marker }: RebuildRef): Promise<string> => {
    const name = nameOf(id);
    if ((await markerOf(name)) === marker) return name;
    throw new EngineError('protocol', `OpenSearch has lost the index ${name}: start the reindex again`);
  };

  return {
    begin: async (rebuildId) => {
      const name = nameOf(rebuildId);
      await indexes.create(name, { settings: { refresh_interval: '-1' } });
      const marker = await markerOf(name);
      if (marker === undefined) throw new EngineError('protocol', `OpenSearch did not create the index ${name}`);
      return marker;
    },
    load: async (rebuild, documents, commit) => {
      await writer.add(writesTo(nameOf(rebuild.id)), documents, LOADED);
      await commit(async () => undefined);
    },
    finishLoad: async (rebuild) => {
      const path = `/${await confirm(rebuild)}/_settings`;
      await client.send({ method: 'PUT', path, body: { 'index.refresh_interval': REFRESH_INTERVAL } }, PATIENT);
      await writer.refresh(writesTo(nameOf(rebuild.id)));
    },
    write: (rebuild, writes) => writer.write(writesTo(nameOf(rebuild.id)), writes),
    swap: async (rebuild) => {
      const name = await confirm(rebuild);
      const live = await indexes.live();
      if (live.length === 1 && live[0] === name) return;
      // One change of the cluster's state removes the old index and adds the alias. No search sees a state in between.
      const old = live.filter((one) => one !== name).map((index) => ({ remove_index: { index } }));
      const body = { actions: [...old, { add: { index: name, alias } }] };
      await client.send({ method: 'POST', path: '/_aliases', body }, PATIENT);
    },
    abort: async (rebuildId) => {
      const name = nameOf(rebuildId);
      if ((await indexes.live()).includes(name)) return;
      try {
        await client.send({ method: 'DELETE', path: `/${name}` }, PATIENT);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}
