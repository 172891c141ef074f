/** The names of labels, each in a direction of its own. */

import { run } from "../state";
import { cut } from "../words";

/** The name of a label; "?" for one that the run has not. */
export function labelName(label: number, most = 40): string {
  return cut(run.value.run.labels[label] ?? "?", most);
}

/** Several with commas between; "?" for none. */
export function LabelNames({ labels, most }: { labels: readonly number[]; most?: number }) {
  if (!labels.length) return <>?</>;
  return (
    <>
      {labels.map((label, index) => (
        <span key={index}>
          {index ? ", " : ""}
          <bdi>{labelName(label, most)}</bdi>
        </span>
      ))}
    </>
  );
}
