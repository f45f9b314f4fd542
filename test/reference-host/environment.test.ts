import { describe, expect, test } from 'vitest';
import { parseEnvironment } from '../../src/reference-host/environment.ts';

const errorOf = (variables: Record<string, string>): string => {
  try {
    parseEnvironment(variables);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return '';
};

describe('the environment', () => {
  test('may be empty', () => {
    expect(parseEnvironment({ PORT: '', DATABASE_URL: '', PATH: '/bin' })).toEqual({
      PORT: 8008,
      SERVER_NAME: 'localhost',
      SIGNING_KEY: '.data/matrix_key.pem',
      MEDIA_STORE: '.data/media_store',
      REGISTRATION_REQUIRES_TOKEN: false,
      SERVER_NOTICES: false,
      ALLOW_LOGIN_AS: false,
      SEARCH: 'postgres',
      FEDERATION_ALLOW_PRIVATE: false,
      FEDERATION_VERIFY_TLS: true,
      LOG_LEVEL: 'info',
      RATE_LIMIT: true,
    });
  });

  test('is read', () => {
    const environment = parseEnvironment({
      DATABASE_URL: 'postgresql://user:password@localhost:5432/dendrite?sslmode=disable',
      PORT: '0',
      SERVER_NAME: '[::1]:8448',
      SEARCH: 'meilisearch',
      MEILI_URL: 'http://localhost:7700',
      SERVER_NOTICES: 'on',
      ALLOW_LOGIN_AS: 'on',
      RATE_LIMIT: 'off',
      REGISTRATION_REQUIRES_TOKEN: 'true',
      METRICS_USER: 'prometheus',
      METRICS_PASSWORD: 'secret',
      FEDERATION_PORT: '8448',
      FEDERATION_ALLOW_PRIVATE: 'on',
      FEDERATION_VERIFY_TLS: 'off',
    });
    expect(environment).toMatchObject({
      PORT: 0,
      SERVER_NAME: '[::1]:8448',
      SEARCH: 'meilisearch',
      SERVER_NOTICES: true,
      ALLOW_LOGIN_AS: true,
      RATE_LIMIT: false,
      REGISTRATION_REQUIRES_TOKEN: true,
      FEDERATION_PORT: 8448,
      FEDERATION_ALLOW_PRIVATE: true,
      FEDERATION_VERIFY_TLS: false,
    });
  });

  test.each([
    ['PORT', 'http'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80 '],
    ['FEDERATION_PORT', 'https'],
    ['FEDERATION_ALLOW_PRIVATE', '10.0.0.0/8'],
    ['DATABASE_URL', 'mysql://localhost/hunter2'],
    ['DATABASE_URL', 'hunter2'],
    ['SERVER_NAME', 'not a name'],
    ['SEARCH', 'bleve'],
    ['MEILI_URL', 'localhost:7700'],
    ['OPENSEARCH_URL', 'http://localhost:9200,localhost:9201'],
    ['RATE_LIMIT', 'maybe'],
    ['LOG_LEVEL', 'loud'],
  ])('%s=%s gets one line with the name but not the value', (variable, value) => {
    const message = errorOf({ [variable]: value });
    expect(message).toMatch(new RegExp(`^${variable}: expected .+$`));
    expect(message).not.toContain(value);
  });

  test.each([
    [{ SEARCH: 'meilisearch' }, 'MEILI_URL: must be set, because SEARCH is meilisearch'],
    [{ SEARCH: 'opensearch' }, 'OPENSEARCH_URL: must be set, because SEARCH is opensearch'],
    [{ OPENSEARCH_USER: 'a' }, 'OPENSEARCH_PASSWORD: must be set, because OPENSEARCH_USER is'],
    [{ METRICS_USER: 'a' }, 'METRICS_PASSWORD: must be set, because METRICS_USER is'],
    [{ METRICS_PASSWORD: 'a' }, 'METRICS_USER: must be set, because METRICS_PASSWORD is'],
  ])('%o is not enough', (variables, message) => {
    expect(errorOf(variables)).toBe(message);
  });

  test('reports all mistakes at once', () => {
    expect(errorOf({ PORT: 'x', SEARCH: 'y', LOG_LEVEL: 'z' }).split('\n')).toHaveLength(3);
  });
});
