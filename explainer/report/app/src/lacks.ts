/** Why a run has nothing for a page, and what would give it; "" if it has. */

import { run } from "./state";

export const nothing = () => "";

export function lacksScores(): string {
  return run.value.metrics.length ? "" : "This run has no scores: register_saliency(…, benchmarkers) makes them.";
}

export function lacksTruth(): string {
  return run.value.counts.with_truth ? "" : "This run knows no true labels.";
}

export function lacksEdits(): string {
  return run.value.run.jobs.includes("hierarchical_occlusion") || run.value.counts.with_edits
    ? ""
    : "This run has no edits: register_hierarchical_occlusion() makes them.";
}

export function lacksOther(): string {
  return run.value.compare ? "" : "This report shows one run alone: explainer report … --against … shows what is other in a second one.";
}
