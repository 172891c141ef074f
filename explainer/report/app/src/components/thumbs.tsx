import { useLayoutEffect, useRef } from "preact/hooks";
import { useChunk } from "../data/chunks";
import type { Columns } from "../data/columns";
import { gridChunks, gridKey } from "../data/run";
import type { AnyImageCell } from "../data/types";
import { hashWith, run } from "../state";
import { paint } from "../view/blend";
import { NO_FILTER } from "../view/facets";
import { cut, decimals } from "../words";

interface ThumbsProps {
  title: string;
  rows: readonly number[];
  columns: Columns;
  sort: string;
  descending: boolean;
  /** What stands below a picture beside its labels. */
  figure(row: number): string;
}

/** Some samples in a line; each opens within the sort that it comes from. */
export function Thumbs({ title, rows, columns, sort, descending, figure }: ThumbsProps) {
  const place = { ...NO_FILTER, sort, descending, rows: "sample", picked: [], extra: {} } as const;
  return (
    <section class="part thumbs">
      <h2>
        {title} <a href={hashWith({ ...place, page: "samples", row: -1 })}>all, in this order</a>
      </h2>
      <ul>
        {rows.map((row) => (
          <li key={row}>
            <a href={hashWith({ ...place, page: "sample", sample: columns.number(row), label: columns.column.label[row], row })}>
              <Thumb row={row} />
              <span class="small clip">
                <LabelChange columns={columns} row={row} />
              </span>
              <span class="small muted">{figure(row)}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** "three → eight" for a wrong sample, the label alone for a right one. */
function LabelChange({ columns, row }: { columns: Columns; row: number }) {
  const i = columns.of[row];
  const labels = run.value.run.labels;
  const { top, correct, p_top } = columns.column;
  const name = (label: number) => cut(labels[label] ?? "?", 40);
  const wrong = correct[i] === 2;
  return (
    <span class={wrong ? "false-positive" : ""} title={`sample ${columns.column.sample[i]}, probability ${decimals(p_top[i])}`}>
      {wrong ? (
        <>
          <bdi>{name(columns.truth(i)[0])}</bdi> →{" "}
        </>
      ) : null}
      <bdi>{name(top[i])}</bdi>
    </span>
  );
}

function Thumb({ row }: { row: number }) {
  const chunk = useChunk(gridChunks, gridKey(row));
  const image = chunk.state === "ready" ? chunk.value.rows[row - chunk.value.first]?.image : null;
  if (chunk.state === "failed") return <Unshown why={chunk.why} />;
  if (!image) return <span class="thumb" />;
  return image.flag === 1 ? <Picture image={image} /> : <Unshown why={image.reason} />;
}

function Unshown({ why }: { why: string }) {
  return (
    <span class="thumb hatched">
      <span class="unseen">{cut(why, 80)}</span>
    </span>
  );
}

function Picture({ image }: { image: Extract<AnyImageCell, { flag: 1 }> }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const pixels = context.createImageData(image.w, image.h);
    paint(image, { pixels: pixels.data, stride: image.w, left: 0 });
    context.putImageData(pixels, 0, 0);
  }, [image]);
  return <canvas class="thumb" ref={canvas} width={image.w} height={image.h} role="img" aria-label={cut(image.text, 80)} />;
}
