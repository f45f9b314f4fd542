export { type DendriteMigration, dendriteSchema, ensureDendriteSchema } from './dendrite-schema.ts';
