import type { AdminPlugin } from '../plugin.ts';
import type { MissingPart } from './lend-host.ts';
import type { Manifest } from './manifest.ts';

/**
 * Lists where a plugin differs from its manifest, and where the manifest contradicts itself, one sentence for each. A plugin
 * may leave out routes that its manifest declares: `unservedRoutes()` lists these routes.
 */
export function mistakesOfFacts(manifest: Manifest, plugin: AdminPlugin): readonly string[] {
  const declared = new Set(manifest.routes.map(routeName));
  const given: Readonly<Record<string, object>> = plugin.operations;
  const names = new Set([...Object.keys(given), ...Object.keys(manifest.operations)]);
  return [
    ...servedRoutes(plugin)
      .filter((route) => !declared.has(route))
      .map((route) => `the plugin serves ${route}, which its manifest does not declare`),
    ...[...names].flatMap((name) => mistakeOfOperation(name, manifest.operations[name], given[name])),
    ...manifest.routes.flatMap((route) =>
      route.operation === undefined || manifest.operations[route.operation] !== undefined
        ? []
        : [`the manifest declares ${routeName(route)} for ${route.operation}, which is not one of its operations`],
    ),
  ];
}

function mistakeOfOperation(name: string, effect: string | undefined, operation: object | undefined): string[] {
  if (effect === undefined) return [`the plugin has the operation ${name}, which its manifest does not declare`];
  if (operation === undefined) return [`the manifest declares the operation ${name}, which the plugin does not have`];
  // An operation has a function `start` only if a job does its work.
  if ('start' in operation === (effect === 'job')) return [];
  return [`the manifest says that ${name} is a ${effect}, but in the plugin it is not`];
}

/**
 * Lists routes that the manifest declares, but that the plugin does not serve because an option is off. Leaves out routes of
 * proposals.
 */
export function unservedRoutes(manifest: Manifest, plugin: AdminPlugin): readonly MissingPart[] {
  const served = new Set(servedRoutes(plugin));
  return (
    manifest.routes
      .map(routeName)
      .filter((route) => !served.has(route))
      // Routes with `/unstable/` belong to proposals (MSCs), which are off by default. A health report should not complain
      // about these routes.
      .filter((route) => !route.includes('/unstable/'))
      .map((route) => ({ part: route, consequence: 'it is not served, because an option that it needs is off' }))
  );
}

const routeName = ({ method, path }: { readonly method: string; readonly path: string }): string => `${method} ${path}`;

function servedRoutes({ router }: AdminPlugin): readonly string[] {
  return (
    router.stack
      // Leave out the router's layers that refuse unknown paths and methods. Such a layer matches all methods, and so also
      // `OPTIONS`.
      .filter(({ methods }) => methods.length <= 2 && !methods.includes('OPTIONS'))
      .map(({ methods, path }) => `${methods.filter((method) => method !== 'HEAD').join()} ${String(path)}`)
  );
}
