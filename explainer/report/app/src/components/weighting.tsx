import { book, part, weights } from "../scores";
import { run, showExtra } from "../state";
import { MOST_WEIGHT, weighted } from "../view/scores";
import { cut, decimals } from "../words";
import { Slider } from "./choices";
import { Heads } from "./heads";
import { MethodName } from "./method_name";

/** The user's own mean of the ranks: metrics are not of one scale, and none of them is right. */
export function Weighting() {
  const chosen = weights.value;
  if (!chosen) return null;
  const { metrics } = run.value;
  const set = (metric: number, weight: number) => showExtra("w", chosen.map((old, index) => (index === metric ? weight : old)).join(","));
  return (
    <section class="part weighting" aria-labelledby="weighting">
      <h2 id="weighting">Your weighting</h2>
      <p class="muted">Only ranks are weighed, 1 for the best by a metric, controls among them; scores of two metrics have no common scale. The link keeps it.</p>
      <div class="weights">
        <div>
          {book.value.metrics.map((metric) => (
            <Slider
              key={metric}
              title={cut(metrics[metric].name, 40)}
              value={chosen[metric]}
              min={0}
              max={MOST_WEIGHT}
              step={1}
              words={chosen[metric] ? `× ${chosen[metric]}` : "off"}
              change={(weight) => set(metric, weight)}
            />
          ))}
        </div>
        <Ranking chosen={chosen} />
      </div>
    </section>
  );
}

function Ranking({ chosen }: { chosen: readonly number[] }) {
  const ranking = weighted(book.value, chosen, part.value);
  const counting = book.value.metrics.filter((metric) => chosen[metric] > 0);
  const ranks = counting.map((metric) => book.value.ranks(metric, part.value));
  return (
    <div class="scrolls">
      <table class="numbers">
        <Heads of={["method", "your mean rank", ...counting.map((metric) => <bdi>{cut(run.value.metrics[metric].name, 16)}</bdi>)]} />
        <tbody>
          {ranking.map(({ method, rank }) => (
            <tr key={method}>
              <th scope="row">
                <MethodName method={method} />
              </th>
              <td>
                <b>{decimals(rank)}</b>
              </td>
              {ranks.map((of, place) => (
                <td key={counting[place]} class="muted">
                  {of.get(method) ?? "–"}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
