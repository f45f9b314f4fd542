import { conflictsOfHost, mistakesOfHost } from './check-host.ts';
import { type Config, readOptions } from './config.ts';
import type { Host } from './host.ts';

/**
 * Checks the host and the options of a plugin at run time, because plain JavaScript has no type checker.
 * @returns the options, with defaults filled in
 * @throws Error that names every mistake with its remedy
 */
export function resolveSettings(host: Host, options: unknown): Config {
  const { value: config, mistakes: ofOptions } = readOptions(options);
  const ofHost = mistakesOfHost(host);
  const conflicts = ofHost.length === 0 ? conflictsOfHost(host, config?.limits.connections) : [];
  const mistakes = [...ofHost, ...conflicts, ...ofOptions];
  if (config === undefined || mistakes.length > 0) {
    throw new Error(['createAdminPlugin: bad host or options', ...mistakes].join('\n✖ '));
  }
  return Object.freeze(config);
}
