import type { Host } from '../host.ts';
import type { Manifest } from './manifest.ts';

/** A part of the host that is missing and what does not work without it, or a route that the plugin does not serve and why. */
export interface MissingPart {
  readonly part: string;
  readonly consequence: string;
}

/** Lists the required parts that a host lacks, one sentence for each. */
export function mistakesOfParts({ host: declared }: Manifest, host: object): readonly string[] {
  return declared.required
    .filter((part) => Reflect.get(host, part) === undefined)
    .map((part) => `host.${part} is missing, and the plugin needs it`);
}

/** Lists the optional parts that a host does not provide, each with what does not work without it. */
export function missingParts({ host: declared }: Manifest, host: object): readonly MissingPart[] {
  return Object.entries(declared.optional)
    .filter(([part]) => Reflect.get(host, part) === undefined)
    .map(([part, consequence]) => ({ part: `host.${part}`, consequence }));
}

/**
 * Makes the host that the plugin sees. This host has only the parts that the manifest declares. Access to any other member
 * throws a `TypeError`, and so does the registration of a metric that the manifest does not declare.
 */
export function lendHost(manifest: Manifest, host: Host): Host {
  const declared = new Set([...manifest.host.required, ...Object.keys(manifest.host.optional)]);
  const { metrics } = host;
  // `Reflect.get()` also finds parts that the host inherits from a class.
  const lent = Object.fromEntries(
    [...declared]
      .map((part): [string, unknown] => [part, Reflect.get(host, part)])
      .filter(([, value]) => value !== undefined),
  ) as unknown as Host;
  const parts =
    metrics === undefined || !declared.has('metrics') ? lent : { ...lent, metrics: lendMetrics(manifest, metrics) };
  return new Proxy(parts, {
    get: (target, part): unknown => {
      if (typeof part === 'string' && !declared.has(part) && !(part in target)) {
        throw new TypeError(`the manifest of ${manifest.name} does not declare host.${part}`);
      }
      return Reflect.get(target, part);
    },
  });
}

type Registered = Parameters<NonNullable<Host['metrics']>['registry']['registerMetric']>[0];

/** Makes a registry that accepts only the metrics that the manifest declares. */
function lendMetrics(
  { name: plugin, metrics: declared }: Manifest,
  { registry }: NonNullable<Host['metrics']>,
): NonNullable<Host['metrics']> {
  const registerMetric = (metric: Registered): void => {
    const { name, labelNames } = metric as unknown as { readonly name: string; readonly labelNames: readonly string[] };
    if (labelNames.toSorted().join() !== declared[name]?.toSorted().join()) {
      throw new TypeError(`the manifest of ${plugin} does not declare the metric ${name}{${labelNames.join(',')}}`);
    }
    registry.registerMetric(metric);
  };
  return {
    registry: new Proxy(registry, {
      get: (target, member): unknown => {
        if (member === 'registerMetric') return registerMetric;
        const value: unknown = Reflect.get(target, member);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
  };
}
