import { book, part } from "../scores";
import { run } from "../state";
import { methodColour, methodDash } from "../theme";
import { linear, pathOf } from "../view/axis";
import { cut, isolated, short } from "../words";
import { spread, WithTable } from "./chart";
import { domainOfMetric, ScoreTable } from "./score_table";

const STEP = 150;
const LEFT = 56;
const LABELS = 150;
const TOP = 44;
const HEIGHT = 330;
const BOTTOM = HEIGHT - 22;
const LINE = 14;

/** A line for each method through an axis for each metric, of which the better end is always at the top. */
export function ParallelAxes({ metrics }: { metrics: readonly number[] }) {
  const axes = metrics.map((metric, place) => {
    const [low, high] = domainOfMetric(metric, part.value);
    const ends: [number, number] = run.value.metrics[metric].better === "higher" ? [low, high] : [high, low];
    return { metric, x: LEFT + place * STEP, ends, at: linear(ends, [BOTTOM, TOP]) };
  });
  const width = LEFT + (metrics.length - 1) * STEP + LABELS;
  return (
    <WithTable title="All metrics" words="up is better on every axis: those of which lower is better are turned over" table={<ScoreTable metrics={metrics} brief />}>
      <div class="scrolls">
        <svg viewBox={`0 0 ${width} ${HEIGHT}`} class="chart axes" width={width} height={HEIGHT} role="img" aria-label={`Mean scores of ${book.value.methods.length} methods by ${metrics.length} metrics; the table has the numbers`}>
          {axes.map(({ metric, x, ends }) => (
            <g key={metric} class="tick">
              <line x1={x} x2={x} y1={TOP} y2={BOTTOM} />
              <text x={x} y={16} text-anchor="middle" class="name">
                {isolated(cut(run.value.metrics[metric].name, 20))} {run.value.metrics[metric].better === "higher" ? "↑" : "↓"}
              </text>
              <text x={x} y={TOP - 8} text-anchor="middle">
                {short(ends[1])}
              </text>
              <text x={x} y={BOTTOM + 15} text-anchor="middle">
                {short(ends[0])}
              </text>
            </g>
          ))}
          <Lines axes={axes} />
        </svg>
      </div>
    </WithTable>
  );
}

interface AxisAt {
  metric: number;
  x: number;
  at(value: number): number;
}

function Lines({ axes }: { axes: readonly AxisAt[] }) {
  const lines = book.value.methods.map((method) => {
    const points = axes.map(({ metric, x, at }) => [x, at(book.value.summary(metric, method, part.value)?.mean ?? NaN)] as const);
    return { method, points, end: [...points].reverse().find(([, y]) => Number.isFinite(y)) };
  });
  const ended = lines.flatMap(({ method, end }) => (end ? [{ method, x: end[0], y: end[1] }] : []));
  const last = axes.at(-1)?.x ?? 0;
  const places = spread(ended.map(({ y }) => y), LINE, TOP + 4, BOTTOM);
  return (
    <>
      {lines.map(({ method, points }) => {
        const control = book.value.isControl(method);
        const colour = methodColour(method, control);
        return (
          <g key={method} class="method-line">
            <path d={pathOf(points)} fill="none" stroke={colour} stroke-width="1.8" stroke-dasharray={methodDash(method, control)} />
            {points.map(([x, y]) => (Number.isFinite(y) ? <circle key={x} cx={x} cy={y} r="3" fill={control ? "var(--bg)" : colour} stroke={colour} /> : null))}
          </g>
        );
      })}
      {ended.map(({ method, x, y }, index) => {
        const colour = methodColour(method, book.value.isControl(method));
        return (
          <g key={method}>
            <path d={`M${x + 5},${y}L${last + 14},${places[index]}h6`} fill="none" stroke={colour} stroke-width="0.7" />
            <text x={last + 24} y={places[index]} dy="0.35em" fill={colour} class="own">
              {cut(run.value.methods[method].name, 18)}
            </text>
          </g>
        );
      })}
    </>
  );
}
