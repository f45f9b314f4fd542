import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { malformed } from './payload.ts';
import { badRequest, internal, ProblemError } from './problem.ts';

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * Reads and decodes the body of a request. The limit applies to the decoded bytes.
 * @throws ProblemError if the body is larger: with status 413 for documents, and 500 for other bodies
 */
export async function readBody(request: IncomingMessage, limit: number, isDocuments: boolean): Promise<Buffer> {
  const decoder = DECODERS[request.headers['content-encoding'] ?? '']?.();
  // An unknown encoding counts as no encoding.
  const source: Readable | NodeJS.ReadWriteStream = decoder === undefined ? request : request.pipe(decoder);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of source) {
      const buffer = Buffer.from(chunk as Uint8Array);
      bytes += buffer.length;
      if (bytes > limit) throw tooLarge(request, limit, isDocuments);
      chunks.push(buffer);
    }
  } catch (error) {
    if (error instanceof ProblemError || decoder === undefined) throw error;
    throw badRequest('bad_request', 'The provided payload is incomplete and cannot be parsed');
  }
  return Buffer.concat(chunks);
}

function tooLarge(request: IncomingMessage, limit: number, isDocuments: boolean): ProblemError {
  if (!isDocuments) {
    const length = request.headers['content-length'] ?? '?';
    return internal(`JSON payload (${length} bytes) is larger than allowed (limit: ${limit} bytes).`);
  }
  const size = `The maximum accepted payload size is ${sizeOf(limit)}.`;
  return new ProblemError(413, 'payload_too_large', `The provided payload reached the size limit. ${size}`);
}

const UNITS = [
  [1_048_576, 'MiB'],
  [1_000_000, 'MB'],
  [1_024, 'KiB'],
  [1_000, 'KB'],
] as const;

function sizeOf(bytes: number): string {
  const [size, unit] = UNITS.find(([one]) => bytes % one === 0) ?? [1, 'B'];
  return `${bytes / size} ${unit}`;
}

/** Returns the content type without its parameters. Refuses types that are not in `accepted`. */
export function contentTypeOf<T extends string>(header: string | undefined, accepted: readonly T[]): T {
  const type = header?.split(';', 1)[0]?.trim().toLowerCase();
  const found = accepted.find((one) => one === type);
  if (found !== undefined) return found;
  const known = `Accepted values for the Content-Type header are: ${accepted.map((one) => `\`${one}\``).join(', ')}`;
  if (type === undefined) {
    throw new ProblemError(415, 'missing_content_type', `A Content-Type header is missing. ${known}`);
  }
  throw new ProblemError(415, 'invalid_content_type', `The Content-Type \`${header ?? ''}\` is invalid. ${known}`);
}

/** Returns the text of a body. Refuses an empty body. */
export function textOf(body: Buffer, format: 'json' | 'ndjson'): string {
  if (body.length === 0) throw badRequest('missing_payload', `A ${format} payload is missing.`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw malformed(format, "Couldn't serialize document value: invalid unicode code point at line 1 column 1");
  }
}

/** Parses the JSON of a body. Lone surrogates are refused here, although they are allowed in documents. */
export function jsonOf(body: Buffer, contentType: string | undefined): unknown {
  contentTypeOf(contentType, ['application/json']);
  const text = textOf(body, 'json');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed('json', cause instanceof Error ? cause.message : '');
  }
  if (JSON.stringify(value, (_, part: unknown) => (isBroken(part) ? '\0broken' : part))?.includes('\\u0000broken')) {
    throw malformed('json', 'unexpected end of hex escape at line 1 column 1');
  }
  return value;
}

const isBroken = (value: unknown): boolean => typeof value === 'string' && !value.isWellFormed();
