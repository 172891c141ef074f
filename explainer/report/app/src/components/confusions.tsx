import { hashWith, run } from "../state";
import type { Confusion, Pair } from "../view/confusion";
import { NO_FILTER } from "../view/facets";
import { count, cut } from "../words";

/** Where the samples of a pair are. */
export function pairHash(truth: number, top: number): string {
  return hashWith({ ...NO_FILTER, page: "samples", truth: [truth], top: [top], rows: "sample", picked: [], row: -1, extra: {} });
}

/** Pairs of a true and a predicted label with their counts as bars; each opens its samples. */
export function PairList({ pairs, confusion, most }: { pairs: readonly Pair[]; confusion: Confusion; most: number }) {
  const labels = run.value.run.labels;
  const largest = pairs[0]?.count ?? 1;
  const name = (label: number) => <bdi>{cut(labels[label] ?? "?", 40)}</bdi>;
  return (
    <table class="pairs">
      <caption class="unseen">True label → predicted one, and how many samples</caption>
      <tbody>
        {pairs.slice(0, most).map(({ truth, top, count: n }) => (
          <tr key={`${truth} ${top}`}>
            <th scope="row" class="clip">
              <a href={pairHash(truth, top)}>
                {name(truth)} → {name(top)}
              </a>
            </th>
            <td>
              <span class="pair-bar" style={{ width: `${(100 * n) / largest}%` }} />
            </td>
            <td class="number">
              {count(n)} <span class="muted">of {count(confusion.classes[truth]?.n ?? 0)}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
