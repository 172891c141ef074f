import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { bandOf, linear, pathOf } from "../view/axis";
import { cut, decimals, isolated, short } from "../words";

export interface Series {
  name: string;
  colour: string;
  dash: string;
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  /** A number that says it all, such as the area below the line. */
  figure: string;
  /** Between which values the line lies by 95 %. */
  low?: readonly number[];
  high?: readonly number[];
}

interface LineChartProps {
  title: string;
  words?: string;
  x: string;
  y: string;
  series: readonly Series[];
}

const WIDTH = 360;
const HEIGHT = 220;
const LEFT = 34;
const BOTTOM = 34;
const TOP = 8;
const LABELS = 150;

/** Lines over 0 to 1, each named at its end; the same as a table on request. */
export function LineChart({ title, words, x, y, series }: LineChartProps) {
  const across = linear([0, 1], [LEFT, WIDTH]);
  const up = linear([0, 1], [HEIGHT - BOTTOM, TOP]);
  return (
    <WithTable title={title} words={words} table={<CurveTable x={x} series={series} />}>
      <svg viewBox={`0 0 ${WIDTH + LABELS} ${HEIGHT}`} class="chart" role="img" aria-label={spokenSeries(title, series)}>
        {up.ticks(5).map((tick) => (
          <g key={tick} class="tick">
            <line x1={LEFT} x2={WIDTH} y1={up(tick)} y2={up(tick)} />
            <text x={LEFT - 6} y={up(tick)} dy="0.35em" text-anchor="end">
              {decimals(tick, 1)}
            </text>
          </g>
        ))}
        {across.ticks(5).map((tick) => (
          <text key={tick} class="tick" x={across(tick)} y={HEIGHT - BOTTOM + 15} text-anchor="middle">
            {decimals(tick, 1)}
          </text>
        ))}
        <text class="tick" x={WIDTH} y={HEIGHT - 4} text-anchor="end">
          {x}
        </text>
        <text class="tick" x={LEFT} y={HEIGHT - 4}>
          ↑ {y}
        </text>
        {series.map(({ name, colour, x: at, low, high }) =>
          low && high ? <path key={name} class="band" d={bandOf(Array.from(at, across), low.map(up), high.map(up))} fill={colour} /> : null,
        )}
        {series.map((one) => (
          <path key={one.name} d={pathOf(Array.from(one.x, (value, index) => [across(value), up(one.y[index])] as const))} fill="none" stroke={one.colour} stroke-width="1.6" stroke-dasharray={one.dash} />
        ))}
        <EndLabels series={series} up={up} />
      </svg>
    </WithTable>
  );
}

/** Names at the lines' ends, moved apart where lines end close together. */
function EndLabels({ series, up }: { series: readonly Series[]; up: (value: number) => number }) {
  const places = spread(
    series.map(({ y }) => up(y[y.length - 1] || 0)),
    14,
    TOP + 4,
    HEIGHT - BOTTOM,
  );
  return (
    <>
      {series.map((one, index) => (
        <g key={one.name}>
          <line x1={WIDTH + 4} x2={WIDTH + 22} y1={places[index]} y2={places[index]} stroke={one.colour} stroke-width="1.6" stroke-dasharray={one.dash} />
          <text x={WIDTH + 27} y={places[index]} dy="0.35em" fill={one.colour} class="own">
            {isolated(cut(one.name.replace(/^control: /, ""), 14))} {one.figure}
          </text>
        </g>
      ))}
    </>
  );
}

/** Places of labels, as near to the given ones as they can be that far apart; between the ends, as long as there is room. */
export function spread(places: readonly number[], step: number, from: number, to: number): number[] {
  const order = places.map((_, index) => index).sort((a, b) => places[a] - places[b]);
  const found = Array.from(places);
  order.forEach((index, rank) => {
    found[index] = Math.max(found[index], rank ? found[order[rank - 1]] + step : from);
  });
  let most = to;
  for (const index of [...order].reverse()) {
    found[index] = Math.min(found[index], most);
    most = found[index] - step;
  }
  return found;
}

function spokenSeries(title: string, series: readonly Series[]): string {
  return `${isolated(cut(title, 80))}: ${series.map(({ name, figure }) => `${isolated(cut(name, 40))} ${figure}`).join(", ")}`;
}

function CurveTable({ x, series }: { x: string; series: readonly Series[] }) {
  const steps = Array.from({ length: 11 }, (_, index) => index / 10);
  return (
    <table class="numbers">
      <thead>
        <tr>
          <th scope="col">{x}</th>
          {series.map(({ name }) => (
            <th key={name} scope="col">
              <bdi>{cut(name, 24)}</bdi>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {steps.map((step) => (
          <tr key={step}>
            <th scope="row">{decimals(step, 1)}</th>
            {series.map((one) => (
              <td key={one.name}>{decimals(valueAt(one, step), 3)}</td>
            ))}
          </tr>
        ))}
        <tr>
          <th scope="row">area</th>
          {series.map(({ name, figure }) => (
            <td key={name}>{figure}</td>
          ))}
        </tr>
      </tbody>
    </table>
  );
}

/** The value of the line there, between its points. */
export function valueAt({ x, y }: Pick<Series, "x" | "y">, at: number): number {
  for (let index = 0; index < x.length; index++) {
    if (x[index] === at || (index === 0 && x[0] > at)) return y[index];
    if (x[index] > at) {
      const part = (at - x[index - 1]) / (x[index] - x[index - 1]);
      return y[index - 1] + part * (y[index] - y[index - 1]);
    }
  }
  return y[y.length - 1] ?? NaN;
}

interface WithTableProps {
  title: string;
  words?: string;
  table: ComponentChildren;
  children: ComponentChildren;
}

/** A chart below its title, which can be shown as a table. */
export function WithTable({ title, words, table, children }: WithTableProps) {
  const [asTable, setAsTable] = useState(false);
  const id = useId();
  return (
    <figure class="chart-figure">
      <figcaption>
        <h3 id={id}>
          <bdi>{cut(title, 80)}</bdi>
        </h3>
        <span class="muted">{words}</span>
        <span class="spring" />
        <button type="button" class="link" aria-pressed={asTable} aria-describedby={id} onClick={() => setAsTable(!asTable)}>
          {asTable ? "show as chart" : "show as table"}
        </button>
      </figcaption>
      {asTable ? table : children}
    </figure>
  );
}

export function figureOf(area: number | null): string {
  return short(area);
}
