import type { JSX } from 'preact';
import type { Job } from './admin-api.ts';
import { formatDuration, formatNumber } from './format.ts';

/** The progress of a job, as a bar and as a text. */
export function ProgressBar({ job }: { readonly job: Job }): JSX.Element {
  const { done, total, percent, rate, eta_ms: etaMs } = job;
  const parts = [
    percent === null ? `${formatNumber(done)} done` : `${percent} %`,
    ...(total === null ? [] : [`${formatNumber(done)} of ${formatNumber(total)}`]),
    ...(rate === null ? [] : [`${formatNumber(rate)} per second`]),
    ...(etaMs === null ? [] : [`${formatDuration(etaMs)} left`]),
  ];
  return (
    <div class="progress">
      {/* A bar without a value shows that the end is unknown. */}
      <progress max={100} aria-label="Progress of the job" {...(percent === null ? {} : { value: percent })} />
      <span>{parts.join(', ')}</span>
    </div>
  );
}
