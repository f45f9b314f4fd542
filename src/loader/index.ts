export type { MissingPart } from './lend-host.ts';
export { type Health, type LoadedPlugin, type LoadOptions, loadPlugin } from './load-plugin.ts';
