import type { MeanCurve } from "../data/types";
import { run } from "../state";
import { methodColour, methodDash } from "../theme";
import { curveWords } from "../view/scores";
import { count, cut } from "../words";
import { figureOf, LineChart, type Series } from "./chart";

/** The mean curves behind the scores: a chart for each metric and what is shown where pixels are hidden. */
export function MeanCurves() {
  const { curves, metrics } = run.value;
  const keys = [...new Set(curves.map(({ metric, fill }) => `${metric} ${fill}`))];
  if (!keys.length) return null;
  return (
    <section class="part">
      <h2>Mean curves</h2>
      <p class="muted">Each of all samples that have one, with a band that holds the mean at each place by 95 %. A number is the area below its line.</p>
      <div class="charts">
        {keys.map((key) => {
          const ours = curves.filter(({ metric, fill }) => `${metric} ${fill}` === key);
          const metric = metrics[ours[0].metric];
          return (
            <LineChart
              key={key}
              title={metric.name}
              words={`${curveWords(metric)} · filled with ${cut(ours[0].fill, 40)} · n ${countsOf(ours)}`}
              x="part of the pixels changed"
              y="probability of the label"
              series={ours.map(seriesOf)}
            />
          );
        })}
      </div>
    </section>
  );
}

/** "50", or "6 to 50": controls have curves of fewer samples. */
function countsOf(curves: readonly MeanCurve[]): string {
  const counts = curves.map(({ n }) => n);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return least === most ? count(most) : `${count(least)} to ${count(most)}`;
}

function seriesOf({ method, x, mean, low, high, area }: MeanCurve): Series {
  const { name, kind } = run.value.methods[method];
  const known = (values: readonly (number | null)[]) => values.map((value) => value ?? NaN);
  return {
    name,
    colour: methodColour(method, kind === "control"),
    dash: methodDash(method, kind === "control"),
    x,
    y: known(mean),
    figure: figureOf(area),
    low: known(low),
    high: known(high),
  };
}
