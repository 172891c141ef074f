import { signal } from "@preact/signals";
import type { Metric } from "../data/types";
import { run } from "../state";
import { rangeWords } from "../view/scores";
import { cut } from "../words";

/** The metric whose words are shown; -1: none. */
const told = signal(-1);

interface MetricNameProps {
  metric: number;
  onClick?(): void;
  pressed?: boolean;
}

/** A metric's name and direction; what it asks is told where `MetricWords` stands, while it has the focus or the pointer. */
export function MetricName({ metric, onClick, pressed }: MetricNameProps) {
  const { name, better } = run.value.metrics[metric];
  const tell = () => (told.value = metric);
  return (
    <button
      type="button"
      class="metric-name"
      aria-describedby="metric-words"
      aria-pressed={pressed}
      onFocus={tell}
      onPointerEnter={tell}
      onClick={() => (onClick ?? tell)()}
    >
      <bdi class="clip">{cut(name, 40)}</bdi> <span aria-hidden="true">{better === "higher" ? "↑" : "↓"}</span>
      <span class="unseen">, {betterWords(run.value.metrics[metric])}</span>
    </button>
  );
}

export function MetricWords() {
  const metric = run.value.metrics[told.value];
  return (
    <p id="metric-words" class="metric-words muted" aria-live="polite">
      {metric ? <Words metric={metric} /> : "Muted: not better than a control, pair by pair of scores, or too few to tell. ↑ higher is better, ↓ lower is better. Point at a metric, or focus it, for what it asks."}
    </p>
  );
}

function Words({ metric }: { metric: Metric }) {
  const range = rangeWords(metric);
  return (
    <>
      <b>
        <bdi>{cut(metric.name, 60)}</bdi>
      </b>
      {`: ${betterWords(metric)}${range ? `, ${range}` : ""}. `}
      {metric.question ? `${metric.question} ` : "A metric of this run's own. "}
      {metric.formula ? <span class="mono">{cut(metric.formula)}</span> : null}
    </>
  );
}

export function betterWords({ better }: Pick<Metric, "better">): string {
  return better === "higher" ? "higher is better" : "lower is better";
}
