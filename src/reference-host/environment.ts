import { z } from 'zod';
import { isServerName, type ServerName } from '../index.ts';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const text = z.string().optional();
const flag = z
  .enum(['on', 'off', 'true', 'false'], { error: 'expected on or off' })
  .transform((value) => value === 'on' || value === 'true');
const url = (protocol: RegExp, expected: string): z.ZodOptional<z.ZodURL> =>
  z.url({ protocol, error: `expected ${expected}` }).optional();
const isHttpUrl = (value: string): boolean => z.url({ protocol: /^https?$/ }).safeParse(value).success;
const urls = z
  .string()
  .transform((list) => list.split(','))
  .refine((list) => list.every(isHttpUrl), 'expected http:// or https:// URLs, separated by commas')
  .optional();

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'expected a port number from 0 to 65535')
  .transform(Number)
  .refine((number) => number <= 65_535, 'expected a port number from 0 to 65535');

/** The environment variables that the homeserver reads. An empty variable counts as unset. */
const schema = z
  .object({
    DATABASE_URL: url(/^postgres(ql)?$/, 'a postgres:// URL'),
    PORT: port.default(8008),
    SERVER_NAME: z
      .custom<ServerName>((value) => typeof value === 'string' && isServerName(value), 'expected a server name')
      .default('localhost' as ServerName),
    SIGNING_KEY: z.string().default('.data/matrix_key.pem'),
    MEDIA_STORE: z.string().default('.data/media_store'),
    ADMIN_PASSWORD: text,
    REGISTRATION_SHARED_SECRET: text,
    REGISTRATION_REQUIRES_TOKEN: flag.default(false),
    SERVER_NOTICES: flag.default(false),
    ALLOW_LOGIN_AS: flag.default(false),
    SEARCH: z
      .enum(['postgres', 'meilisearch', 'opensearch', 'off'], {
        error: 'expected postgres, meilisearch, opensearch or off',
      })
      .default('postgres'),
    MEILI_URL: url(/^https?$/, 'an http:// or https:// URL'),
    MEILI_API_KEY: text,
    OPENSEARCH_URL: urls,
    OPENSEARCH_USER: text,
    OPENSEARCH_PASSWORD: text,
    METRICS_USER: text,
    METRICS_PASSWORD: text,
    FEDERATION_PORT: port.optional(),
    FEDERATION_ALLOW_PRIVATE: flag.default(false),
    FEDERATION_VERIFY_TLS: flag.default(true),
    LOG_LEVEL: z.enum(LOG_LEVELS, { error: `expected one of ${LOG_LEVELS.join(', ')}` }).default('info'),
    RATE_LIMIT: flag.default(true),
  })
  .check(({ value, issues }) => {
    const missing = (variable: string, why: string): void => {
      issues.push({ code: 'custom', input: value, path: [variable], message: `must be set, because ${why}` });
    };
    if (value.SEARCH === 'meilisearch' && !value.MEILI_URL) missing('MEILI_URL', 'SEARCH is meilisearch');
    if (value.SEARCH === 'opensearch' && !value.OPENSEARCH_URL) missing('OPENSEARCH_URL', 'SEARCH is opensearch');
    if (value.OPENSEARCH_USER && !value.OPENSEARCH_PASSWORD) missing('OPENSEARCH_PASSWORD', 'OPENSEARCH_USER is');
    if (value.OPENSEARCH_PASSWORD && !value.OPENSEARCH_USER) missing('OPENSEARCH_USER', 'OPENSEARCH_PASSWORD is');
    if (value.METRICS_USER && !value.METRICS_PASSWORD) missing('METRICS_PASSWORD', 'METRICS_USER is');
    if (value.METRICS_PASSWORD && !value.METRICS_USER) missing('METRICS_USER', 'METRICS_PASSWORD is');
  });

/** The environment variables, with all defaults filled in. */
export type Environment = Readonly<z.output<typeof schema>>;

/**
 * Checks the environment variables of the homeserver, and fills in the defaults.
 * @throws Error with one line for each wrong or missing variable. The error does not repeat the values, because some values are
 * secret.
 */
export function parseEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const set = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(set);
  if (parsed.success) return parsed.data;
  const messages = new Map(parsed.error.issues.map(({ path, message }) => [path.join('.'), message]));
  throw new Error([...messages].map(([variable, message]) => `${variable}: ${message}`).join('\n'));
}
