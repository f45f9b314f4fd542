import { z } from 'zod';
import { createReadiness } from '../engine-readiness.ts';
import type { SearchAdapter, SearchIndex, SearchIndexContext, SearchProblem, SearchStats } from '../search-index.ts';
import { createBulk } from './bulk.ts';
import { createClient, ENGINE } from './client.ts';
import { createDocumentWriter } from './document-writer.ts';
import { createIndexes, createRebuild, isNotFound } from './rebuild.ts';
import { searchPage } from './search.ts';
import { type IndexSize, templateOf } from './settings.ts';

export interface OpenSearchOptions extends Partial<IndexSize> {
  /** URL of a node of OpenSearch 2 or 3, or of a load balancer, such as `https://localhost:9200`. Needed without `nodes`. */
  readonly node?: string;
  /**
   * URLs of several nodes. If a node does not answer, the adapter asks the next node. If `nodes` is set, the adapter ignores
   * `node`.
   */
  readonly nodes?: readonly string[];
  /** Name and password of the account. @defaultValue no account, for a cluster without the security plugin */
  readonly auth?: { readonly username: string; readonly password: string };
  /** Certificate of the authority that signed the nodes' certificates, in PEM. @defaultValue the authorities that Node knows */
  readonly ca?: string;
  /**
   * Name of the alias under which the adapter searches. The names of the adapter's indexes start with this name. @defaultValue
   * `matrix_events`
   */
  readonly index?: string;
  /** Number of shards of an index that the adapter creates. A new number takes effect with the next reindex. @defaultValue 3 */
  readonly shards?: number;
  /** Number of further copies of each shard. A new number takes effect with the next reindex. @defaultValue 1 */
  readonly replicas?: number;
  /** Time limit for one request and its answer, in ms. @defaultValue 30000 */
  readonly timeoutMs?: number;
  /** Wait before the first retry of a failed request, in ms. The wait doubles with each further retry. @defaultValue 200 */
  readonly retryDelayMs?: number;
  /** Maximum size of the documents in one request, in bytes. @defaultValue 8388608 */
  readonly payloadBytes?: number;
}

/** Maximum number of events that a reindex reads and sends in one batch. */
const BATCH_SIZE = 2_500;
/** Maximum number of batches that a reindex sends in parallel in one process. */
const LANES = 4;

const url = z.url({ protocol: /^https?$/ });
const optionsSchema = z
  .strictObject({
    node: url.optional(),
    nodes: z.array(url).min(1).optional(),
    auth: z.strictObject({ username: z.string().min(1), password: z.string().min(1) }).optional(),
    ca: z.string().min(1).optional(),
    index: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,150}$/)
      .default('matrix_events'),
    shards: z.int().min(1).max(1_024).default(3),
    replicas: z.int().min(0).max(20).default(1),
    timeoutMs: z.int().positive().default(30_000),
    retryDelayMs: z.int().nonnegative().default(200),
    payloadBytes: z
      .int()
      .positive()
      .default(8 * 1024 * 1024),
  })
  .transform(({ node, nodes = node === undefined ? [] : [node], ...rest }) => ({ nodes, ...rest }))
  .refine(({ nodes }) => nodes.length > 0, { error: 'must be set, unless `nodes` is set', path: ['node'] });

/**
 * Full-text search in a cluster of OpenSearch. Changes of the index are not part of the caller's database transaction. A
 * homeserver can start while OpenSearch is unavailable, and uses OpenSearch as soon as it is available.
 * @throws Error that names every wrong option
 */
export function opensearchSearch(options: OpenSearchOptions): SearchAdapter {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) throw new Error(`opensearchSearch: bad options\n${z.prettifyError(parsed.error)}`);
  return (context) => createIndex(parsed.data, context);
}

function createIndex(
  { index: alias, auth, ca, ...config }: z.output<typeof optionsSchema>,
  { logger, metrics, analysis }: SearchIndexContext,
): SearchIndex {
  const client = createClient({ ...config, ...(auth && { auth }), ...(ca !== undefined && { ca }), metrics });
  const indexes = createIndexes(client, alias);
  const writer = createDocumentWriter(client, createBulk(client, metrics, config), analysis, metrics);
  const rebuild = createRebuild(client, writer, indexes, alias);
  const readiness = createReadiness({ engine: ENGINE, name: 'OpenSearch', logger }, async () => {
    await client.send({ method: 'PUT', path: `/_index_template/${alias}`, body: templateOf(alias, config) });
    if ((await indexes.live()).length === 0) await indexes.create(`${alias}-initial`, { isLive: true });
  });
  /**
   * Prepares OpenSearch if it is not prepared, and runs `work`. If OpenSearch answers that the index does not exist, creates
   * the index, and runs `work` once more.
   */
  const onIndex = async <T>(work: () => Promise<T>): Promise<T> => {
    await readiness.ensure();
    try {
      return await work();
    } catch (error) {
      if (!isNotFound(error)) throw error;
      readiness.reset();
      await readiness.ensure();
      return work();
    }
  };

  return {
    engine: ENGINE,
    transactional: false,
    batchSize: BATCH_SIZE,
    lanes: LANES,
    start: async () => {
      client.start();
      await readiness.start();
    },
    stop: async () => {
      client.stop();
      readiness.reset();
    },
    write: (writes) => onIndex(() => writer.write(alias, writes)),
    removeRoom: async (roomId, _limit, version) => {
      await onIndex(() => writer.write(alias, { upserts: [], removals: [], removedRooms: [roomId], version }));
      return 0;
    },
    search: (query) => onIndex(() => searchPage(client, alias, query, analysis)),
    stats: () => onIndex(() => measure(client, alias)),
    rebuild: {
      ...rebuild,
      begin: async (rebuildId) => {
        await readiness.ensure();
        return rebuild.begin(rebuildId);
      },
    },
  };
}

const statsSchema = z.object({
  _all: z.object({
    primaries: z.object({ docs: z.object({ count: z.number() }).optional() }),
    total: z.object({ store: z.object({ size_in_bytes: z.number() }).optional() }),
  }),
});
const healthSchema = z.object({ status: z.enum(['green', 'yellow', 'red']), unassigned_shards: z.number() });

async function measure(client: ReturnType<typeof createClient>, alias: string): Promise<SearchStats> {
  const stats = await client.send({ method: 'GET', path: `/${alias}/_stats/docs,store` });
  const {
    _all: { primaries, total },
  } = statsSchema.parse(stats);
  const health = healthSchema.parse(await client.send({ method: 'GET', path: `/_cluster/health/${alias}` }));
  const problem = problemOf(health);
  return {
    documents: primaries.docs?.count ?? 0,
    bytes: total.store?.size_in_bytes ?? 0,
    ...(problem && { problem }),
  };
}

function problemOf({ status, unassigned_shards }: z.output<typeof healthSchema>): SearchProblem | undefined {
  if (status === 'green') return undefined;
  return status === 'yellow'
    ? { status: 'degraded', reason: `OpenSearch lacks ${unassigned_shards} copies of shards; all searches still work` }
    : {
        status: 'failed',
        reason: 'OpenSearch has no copy of at least one shard; searches fail until the copy is back',
      };
}
