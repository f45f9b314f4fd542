import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/**
 * Shows the OpenAPI 3.1 document of this API: every route with its parameters, answers and errors. The package contains the
 * document as `koa-matrix-admin/openapi.json`. Only administrators may call the operation, because nobody else needs the
 * document.
 */
export const getOpenApiDocument = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({}),
  run: async (): Promise<Readonly<Record<string, unknown>>> => {
    // The file is large, so each call reads the file instead of keeping it in memory.
    const path = createRequire(import.meta.url).resolve('koa-matrix-admin/openapi.json');
    return JSON.parse(await readFile(path, 'utf8')) as Readonly<Record<string, unknown>>;
  },
});
