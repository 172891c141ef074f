import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Unshown } from "../data/pictures";
import type { Box, Objects } from "../data/types";
import type { Range } from "../routes";
import { look, shownMethods } from "../rows";
import type { Pictures, ShownMap } from "../sample_pictures";
import { run, show, view } from "../state";
import { readGrey, readRaw } from "../view/raw";
import type { Planes } from "../view/blend";
import { mapCanvas, pictureCanvas } from "../view/compose";
import { colourTable, percentileOf } from "../view/scales";
import { dragged, inPane, inPicture, nudged, paneSize, scaleOf, within, zoomed, type Frame } from "../view/zoom";
import { cut, isolated, measured as inWords, ordinal, short } from "../words";
import { ObjectBoxes, ObjectsInWords } from "./objects";

/** The point of the picture below the cursor, 0 to 1; null: the cursor is elsewhere. */
export const cursor = signal<Range | null>(null);

const CAPTION = 40;
const SMOOTH_BELOW = 3; // screen pixels for one of the picture: from here on its pixels are seen
const WHEEL_STEP = 1.2;

interface PanesProps {
  pictures: Pictures;
  /** Boxes drawn over the picture, in pixels of an image of `size`. */
  boxes: readonly Box[];
  boxesAre: string;
  size: readonly [number, number] | null;
  /** Those of the true objects, which are drawn over the maps, too. */
  objects: Objects | null;
}

/** The picture and all its maps in panes of one size, which zoom and move together. */
export function Panes({ pictures, boxes, boxesAre, size, objects }: PanesProps) {
  const place = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState<Range>([0, 0]);
  useLayoutEffect(() => measured(place.current as HTMLElement, setRoom), []);
  useEffect(() => () => void (cursor.value = null), []);
  const shown = shownMethods();
  const maps = shown.flatMap((method) => pictures.maps.filter((map) => map.method === method));
  const shape = Math.max(0.25, Math.min(4, pictures.width / pictures.height));
  const [paneWidth, paneHeight] = Number.isFinite(room[1])
    ? paneSize(maps.length + 1, shape, room[0], room[1], CAPTION)
    : twoInALine(room[0], shape);
  const { zoom, centre } = view.value;
  const frame: Frame = { paneWidth, paneHeight, width: pictures.width, height: pictures.height, zoom, centre };
  const picture = pictures.picture instanceof Unshown ? null : pictures.picture;
  return (
    <div class="panes" ref={place} onMouseLeave={() => (cursor.value = null)}>
      {room[0] ? (
        <>
          <PicturePane picture={pictures.picture} frame={frame} boxes={boxes} boxesAre={boxesAre} size={size} objects={objects} />
          {maps.map((map) => (
            <MapPane key={map.method} map={map} picture={picture} frame={frame} objects={objects} />
          ))}
          {objects ? <ObjectsInWords objects={objects} /> : null}
        </>
      ) : null}
    </div>
  );
}

function twoInALine(width: number, shape: number): [number, number] {
  const half = Math.floor((width - 8) / 2);
  return [half, Math.floor(half / shape)];
}

/** The width of the place, and the height that panes may fill before the page scrolls. */
function measured(place: HTMLElement, set: (room: Range) => void): () => void {
  const measure = () => {
    const main = place.closest("main") as HTMLElement;
    const narrow = main.clientWidth < 640;
    const style = getComputedStyle(place);
    const width = place.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    set(narrow ? [width, Infinity] : [width, Math.max(300, main.clientHeight - 150)]);
  };
  const observer = new ResizeObserver(measure);
  observer.observe(place.closest("main") as HTMLElement);
  measure();
  return () => observer.disconnect();
}

interface PicturePaneProps {
  picture: Planes | Unshown;
  frame: Frame;
  boxes: readonly Box[];
  boxesAre: string;
  size: readonly [number, number] | null;
  objects: Objects | null;
}

function PicturePane({ picture, frame, boxes, boxesAre, size, objects }: PicturePaneProps) {
  const canvas = useMemo(() => (picture instanceof Unshown ? null : pictureCanvas(picture)), [picture]);
  return (
    <Pane
      canvas={canvas}
      why={picture instanceof Unshown ? picture.why : ""}
      frame={frame}
      name="image"
      index={0}
      over={
        <>
          {objects ? <ObjectBoxes objects={objects} frame={frame} named /> : null}
          <Boxes boxes={boxes} size={size ?? [frame.width, frame.height]} frame={frame} />
        </>
      }
    >
      <Caption name="image" words={`${frame.width} × ${frame.height}${boxes.length ? ` · boxes: ${boxesAre}` : ""}`} />
    </Pane>
  );
}

interface MapPaneProps {
  map: ShownMap;
  picture: Planes | null;
  frame: Frame;
  objects: Objects | null;
}

function MapPane({ map, picture, frame, objects }: MapPaneProps) {
  const current = look();
  const facts = run.value.methods[map.method];
  const canvas = useMemo(() => {
    if (map.greys instanceof Unshown) return null;
    return mapCanvas(picture, map.greys, colourTable(map, facts, picture ? current : { ...current, blend: "map" }));
  }, [map, picture, current]);
  const why = map.greys instanceof Unshown ? map.greys.why : "";
  const name = cut(facts.name, 60);
  return (
    <Pane
      canvas={canvas}
      why={why}
      frame={frame}
      name={name}
      index={shownMethods().indexOf(map.method) + 1}
      over={objects && !why ? <ObjectBoxes objects={objects} frame={frame} named={false} /> : null}
    >
      <Caption name={name} words={why ? "" : rangeWords(map)} />
    </Pane>
  );
}

function rangeWords({ lo, hi, gap, raw }: ShownMap): string {
  const words = [lo === hi ? `the same value everywhere: ${short(lo)}` : `${short(lo)} … ${short(hi)}`];
  if (gap !== null && lo !== hi) words.push(`completeness gap ${short(gap)}`);
  if (raw?.flag === 2) words.push(cut(raw.reason));
  return words.join(" · ");
}

function Caption({ name, words }: { name: string; words: string }) {
  return (
    <figcaption>
      <span class="clip">
        <bdi>{name}</bdi>
      </span>
      <span class="clip muted">{words}</span>
    </figcaption>
  );
}

interface PaneProps {
  canvas: HTMLCanvasElement | null;
  why: string;
  frame: Frame;
  name: string;
  index: number;
  /** What lies over the picture. */
  over?: ComponentChildren;
  children: ComponentChildren;
}

/** A picture with the cross-hair; the wheel zooms, dragging moves all panes. */
function Pane({ canvas, why, frame, name, index, over, children }: PaneProps) {
  const element = useRef<HTMLCanvasElement>(null);
  const from = useRef<Range | null>(null);
  useLayoutEffect(() => {
    if (element.current && canvas) drawPane(element.current, canvas, frame);
  }, [canvas, frame.paneWidth, frame.paneHeight, frame.zoom, frame.centre]);
  const at = (event: MouseEvent): Range => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const wheel = (event: WheelEvent) => {
    const main = (event.currentTarget as HTMLElement).closest("main");
    const out = event.deltaY > 0;
    if (out ? !frame.zoom : (main?.scrollTop ?? 0) > 0 && !frame.zoom) return; // the page scrolls
    event.preventDefault();
    show(zoomed(frame, out ? 1 / WHEEL_STEP : WHEEL_STEP, at(event)));
  };
  const move = (event: PointerEvent) => {
    cursor.value = within(inPicture(frame, at(event)));
    if (!from.current || !frame.zoom) return;
    show({ centre: dragged(frame, event.clientX - from.current[0], event.clientY - from.current[1]) });
    from.current = [event.clientX, event.clientY];
  };
  return (
    <figure style={{ width: `${frame.paneWidth}px` }}>
      <div
        class={`pane ${why ? "hatched" : ""} ${frame.zoom ? "zoomed" : ""}`}
        role="img"
        tabIndex={0}
        data-pane={index}
        aria-label={why ? `${isolated(name)}: ${cut(why)}` : `${isolated(name)}. Shift and arrows move the cross-hair.`}
        style={{ width: `${frame.paneWidth}px`, height: `${frame.paneHeight}px` }}
        onWheel={wheel}
        onPointerDown={(event) => {
          from.current = [event.clientX, event.clientY];
          if (frame.zoom) event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={move}
        onPointerUp={() => (from.current = null)}
        onPointerCancel={() => (from.current = null)}
        onDblClick={() => show({ zoom: 0, centre: [0.5, 0.5] })}
        onKeyDown={(event) => nudge(event, frame)}
      >
        {why ? <span class="reason">{cut(why)}</span> : <canvas ref={element} />}
        {over}
        <CrossHair frame={frame} />
      </div>
      {children}
    </figure>
  );
}

function drawPane(element: HTMLCanvasElement, picture: HTMLCanvasElement, frame: Frame): void {
  const density = window.devicePixelRatio || 1;
  element.width = Math.round(frame.paneWidth * density);
  element.height = Math.round(frame.paneHeight * density);
  const context = element.getContext("2d") as CanvasRenderingContext2D;
  const [left, top] = inPane(frame, [0, 0]);
  const scale = scaleOf(frame);
  context.setTransform(density, 0, 0, density, 0, 0);
  context.imageSmoothingEnabled = scale < SMOOTH_BELOW && Math.max(frame.width, frame.height) >= 64;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, left, top, frame.width * scale, frame.height * scale);
}

/** Moves the cross-hair by one pixel of the picture. */
function nudge(event: KeyboardEvent, { width, height }: Frame): void {
  const next = event.shiftKey ? nudged(event.key, cursor.peek() ?? [0.5, 0.5], width, height) : null;
  if (!next) return;
  event.preventDefault();
  cursor.value = next;
}

function CrossHair({ frame }: { frame: Frame }) {
  if (!cursor.value) return null;
  const [x, y] = inPane(frame, cursor.value);
  return (
    <>
      <div class="hair across" style={{ transform: `translateY(${y}px)` }} />
      <div class="hair down" style={{ transform: `translateX(${x}px)` }} />
    </>
  );
}

/** Outlines in pixels of an image of this size. */
function Boxes({ boxes, size, frame }: { boxes: readonly Box[]; size: readonly [number, number]; frame: Frame }) {
  return (
    <>
      {boxes.map(([x, y, width, height], index) => {
        const [left, top] = inPane(frame, [x / size[0], y / size[1]]);
        const [right, bottom] = inPane(frame, [(x + width) / size[0], (y + height) / size[1]]);
        const style = { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` };
        return <div key={index} class="box" style={style} />;
      })}
    </>
  );
}

/** The values of all maps below the cursor. */
export function Readout({ pictures }: { pictures: Pictures }) {
  const at = cursor.value;
  const shown = shownMethods();
  if (!at) return <p class="readout muted">Point at a picture to read the values of all maps there; the wheel zooms, dragging moves.</p>;
  const maps = shown.flatMap((method) => pictures.maps.filter((map) => map.method === method));
  return (
    <p class="readout">
      <b>
        x {Math.floor(at[0] * pictures.width)} y {Math.floor(at[1] * pictures.height)}
      </b>
      {maps.map((map) => (
        <Value key={map.method} map={map} at={at} />
      ))}
    </p>
  );
}

function Value({ map, at: [x, y] }: { map: ShownMap; at: Range }) {
  const { greys, lo, hi, histogram, method, raw } = map;
  if (greys instanceof Unshown) return null;
  const grey = greys.values[Math.floor(y * greys.h) * greys.w + Math.floor(x * greys.w)];
  const { value, error } = raw?.flag === 1 ? readRaw(raw, x, y) : readGrey(grey, lo, hi);
  return (
    <span>
      <bdi class="muted">{cut(run.value.methods[method].name, 30)}</bdi> {inWords(value, error)}{" "}
      <span class="muted">({ordinal(Math.round(percentileOf(histogram, grey)))} percentile)</span>
    </span>
  );
}

