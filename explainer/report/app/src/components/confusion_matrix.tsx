import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { run } from "../state";
import { theme } from "../theme";
import { among, confused, present, type Confusion } from "../view/confusion";
import { cellAt, drawMatrix, matrixLayout, MOST_NUMBERED, type Colours } from "../view/matrix";
import { count, counted } from "../words";
import { labelName } from "./label_names";
import { WithTable } from "./chart";
import { PairList, pairHash } from "./confusions";

const PAIRS = 200;

/** Counts of samples by true and predicted label; a click, or Enter, opens them. */
export function ConfusionMatrix({ confusion }: { confusion: Confusion }) {
  const pairs = confused(confusion);
  return (
    <WithTable title="Confusion" words="rows: true label, columns: predicted; a cell opens its samples" table={<PairList pairs={pairs} confusion={confusion} most={PAIRS} />}>
      <Matrix confusion={confusion} />
      {confusion.several ? (
        <p class="muted">{counted(confusion.several, "sample")} with several true labels count in the row of each, so that what is beside the diagonal may be right.</p>
      ) : null}
    </WithTable>
  );
}

const MOVES: Readonly<Record<string, readonly [number, number]>> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Of all labels, or, where they are many, of those that are true or predicted somewhere. */
function Matrix({ confusion: all }: { confusion: Confusion }) {
  const shown = useMemo(() => (all.labels > MOST_NUMBERED ? present(all) : Array.from({ length: all.labels }, (_, label) => label)), [all]);
  const confusion = useMemo(() => among(all, shown), [all, shown]);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [room, setRoom] = useState(0);
  const [focus, setFocus] = useState<readonly [number, number]>([-1, -1]);
  const labels = shown.map((label) => run.value.run.labels[label] ?? "?");
  const longest = Math.max(1, ...labels.slice(0, 100).map(({ length }) => Math.min(length, 16)));
  const layout = matrixLayout(labels.length, room, 8 * longest + 6);
  useLayoutEffect(() => {
    const box = canvas.current?.parentElement as HTMLElement;
    const observer = new ResizeObserver(() => setRoom(box.clientWidth));
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const context = room && canvas.current ? sized(canvas.current, layout.size) : null;
    if (context) drawMatrix({ context, layout, colours: coloursNow() }, confusion, labels, focus);
  }, [confusion, room, focus, theme.value]);
  const open = ([truth, top]: readonly [number, number]) => {
    if (confusion.at(truth, top)) location.hash = pairHash(shown[truth], shown[top]);
  };
  const under = (event: MouseEvent) => cellAt(layout, labels.length, event.offsetX, event.offsetY);
  const pressed = (event: KeyboardEvent) => {
    const move = MOVES[event.key];
    if (move) {
      const next = (at: number, by: number) => Math.max(0, Math.min(labels.length - 1, at < 0 ? 0 : at + by));
      setFocus([next(focus[0], move[0]), next(focus[1], move[1])]);
    } else if (event.key === "Enter" && focus[0] >= 0) open(focus);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <div class="matrix">
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-roledescription="confusion matrix"
          aria-label={`Confusion of ${labels.length} labels. Arrow keys go from cell to cell, Enter opens the samples.`}
          aria-describedby="matrix-cell"
          onKeyDown={pressed}
          onPointerMove={(event) => setFocus(under(event) ?? [-1, -1])}
          onPointerLeave={() => setFocus([-1, -1])}
          onClick={(event) => {
            const cell = under(event);
            if (cell) open(cell);
          }}
        />
      </div>
      <p id="matrix-cell" class="matrix-cell" role="status">
        {focus[0] >= 0 ? <CellWords confusion={all} truth={shown[focus[0]]} top={shown[focus[1]]} /> : <span class="muted">{legendWords(all, shown.length)}</span>}
      </p>
    </>
  );
}

function legendWords(confusion: Confusion, shown: number): string {
  const wrong = confused(confusion).reduce((sum, { count: n }) => sum + n, 0);
  const left = confusion.labels - shown;
  const others = left ? ` ${counted(left, "label")} of no sample ${left === 1 ? "is" : "are"} left out.` : "";
  return `${counted(wrong, "sample")} beside the diagonal. Stronger: a larger part of the row.${others}`;
}

function CellWords({ confusion, truth, top }: { confusion: Confusion; truth: number; top: number }) {
  return (
    <>
      true <bdi>{labelName(truth)}</bdi>, predicted <bdi>{labelName(top)}</bdi>: <b>{count(confusion.at(truth, top))}</b> of {count(confusion.classes[truth].n)}
    </>
  );
}

function sized(canvas: HTMLCanvasElement, size: number): CanvasRenderingContext2D | null {
  const density = window.devicePixelRatio || 1;
  canvas.width = canvas.height = Math.round(size * density);
  canvas.style.width = canvas.style.height = `${size}px`;
  const context = canvas.getContext("2d");
  context?.setTransform(density, 0, 0, density, 0, 0);
  return context;
}

function coloursNow(): Colours {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(`--${name}`);
  return {
    text: token("text"),
    line: token("line"),
    right: token("right"),
    wrong: token("false-positive"),
    accent: token("accent"),
    surface: token("surface"),
  };
}
