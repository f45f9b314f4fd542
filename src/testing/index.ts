export { createAnalysis } from '../search/analysis/analysis.ts';
