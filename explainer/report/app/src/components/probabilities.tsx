import type { Detail, Draws } from "../data/types";
import { count, decimals, interval, short } from "../words";
import { labelName } from "./label_names";

const SHOWN = 10;

/** The most probable labels, each with where 95 % of the draws lie. */
export function Probabilities({ detail, label }: { detail: Detail; label: number }) {
  const { probabilities, uncertainty, truth, explained } = detail;
  const order = Array.from(probabilities, (_, index) => index).sort((a, b) => probabilities[b] - probabilities[a]);
  const wanted = new Set([...order.slice(0, SHOWN), ...truth, ...explained]);
  const shown = order.filter((index) => wanted.has(index));
  return (
    <section class="part">
      <h2>Probabilities</h2>
      <table class="probabilities">
        <thead class="unseen">
          <tr>
            <th scope="col">label</th>
            <th scope="col">probability</th>
            <th scope="col">number</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((index) => (
            <tr key={index} class={index === label ? "chosen" : ""}>
              <th scope="row">
                <span class="clip">
                  <bdi title={labelName(index, 200)}>{labelName(index)}</bdi>
                </span>
                {truth.includes(index) ? <span class="right"> ● true</span> : null}
              </th>
              <td>
                <Bar
                  p={probabilities[index]}
                  low={uncertainty?.low[index] ?? NaN}
                  high={uncertainty?.high[index] ?? NaN}
                  mean={uncertainty?.mean[index] ?? NaN}
                  draws={drawsOf(uncertainty, index)}
                />
              </td>
              <td class="number">
                {decimals(probabilities[index], 3)}
                <span class="muted"> {interval(uncertainty?.low[index] ?? null, uncertainty?.high[index] ?? null)}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {probabilities.length > shown.length ? <p class="muted">{probabilities.length - shown.length} less probable labels</p> : null}
      {uncertainty ? (
        <p class="muted">
          Uncertainty {short(uncertainty.total)} nats = {short(uncertainty.aleatoric)} of the data + {short(uncertainty.epistemic)} of the
          network. Whiskers: 95 % of the draws; the short line is their mean
          {uncertainty.draws ? `, the ticks are the first ${count(uncertainty.draws.of_each)} draws` : ""}.
        </p>
      ) : null}
    </section>
  );
}

/** The single draws of a label; none where they were not kept. */
function drawsOf(uncertainty: Draws | null, label: number): Float32Array {
  const { labels, of_each, values } = uncertainty?.draws ?? { labels: [], of_each: 0, values: new Float32Array(0) };
  const place = labels.indexOf(label);
  return place < 0 ? new Float32Array(0) : values.subarray(place * of_each, (place + 1) * of_each);
}

interface BarProps {
  p: number;
  low: number;
  high: number;
  mean: number;
  draws: Float32Array;
}

function Bar({ p, low, high, mean, draws }: BarProps) {
  const part = (value: number) => `${100 * Math.max(0, Math.min(1, value))}%`;
  return (
    <div class="probability" aria-hidden="true">
      <div class="p" style={{ width: part(p) }} />
      {draws.length ? <Ticks at={draws} /> : null}
      {low <= high ? <div class="draws" style={{ left: part(low), width: part(high - low) }} /> : null}
      {mean >= 0 ? <div class="mean" style={{ left: part(mean) }} /> : null}
    </div>
  );
}

/** A line at each place, 0 to 1. */
function Ticks({ at }: { at: Float32Array }) {
  const lines = Array.from(at, (place) => (place >= 0 && place <= 1 ? `M${place} 0V1` : "")).join("");
  return (
    <svg class="ticks" viewBox="0 0 1 1" preserveAspectRatio="none">
      <path d={lines} vector-effect="non-scaling-stroke" />
    </svg>
  );
}
