import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Edits } from "../data/types";
import type { Planes } from "../view/blend";
import { pictureCanvas } from "../view/compose";
import { background, boxed, dimmed } from "../view/edited";
import { decimals, isolated, percent } from "../words";
import { labelName } from "./label_names";

interface FilmstripProps {
  picture: Planes | null;
  edits: Edits;
  /** Width of a picture on the screen. */
  size: number;
  /** The chosen layer, and what chooses one. */
  layer: number;
  choose(layer: number): void;
  /** Whether what is hidden is grey and dark, not as the network saw it. */
  dark: boolean;
  /** Whether the picture itself comes first, in a row that names the label anyway. */
  original?: boolean;
}

/** The layers of an edit search, the largest boxes first, redrawn from the mask and the boxes. */
export function Filmstrip({ picture, edits, size, layer, choose, dark, original = false }: FilmstripProps) {
  const blurred = useMemo(() => (picture ? background(picture, edits.mask, edits.size) : null), [picture, edits]);
  const hidden = useMemo(() => {
    const base = blurred ?? picture;
    return base && (dark || !blurred) ? dimmed(base) : base;
  }, [blurred, picture, dark]);
  const name = isolated(labelName(edits.label));
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    const [strip, film] = [list.current, list.current?.children[layer] as HTMLElement | undefined];
    if (strip && film && layer >= 0) strip.scrollLeft = film.offsetLeft - strip.offsetLeft - (strip.clientWidth - film.offsetWidth) / 2;
  }, [layer]);
  return (
    <ol class="filmstrip" ref={list}>
      {original && picture ? (
        <li>
          <Layer planes={[picture, picture]} boxes={[]} imageSize={null} size={size} />
          <span class="caption">image</span>
        </li>
      ) : null}
      {edits.layers.map((one, index) => (
        <li key={index}>
          <button
            type="button"
            class="film"
            aria-pressed={index === layer}
            aria-label={`Layer ${index + 1}: ${name} ${decimals(one.p)}, ${percent(one.part)} of the pixels`}
            onClick={() => choose(index)}
          >
            {picture && hidden ? (
              <Layer
                planes={edits.by_masking ? [hidden, picture] : [picture, hidden]}
                boxes={one.boxes}
                imageSize={edits.size}
                size={size}
              />
            ) : (
              <span class="film-lacking hatched" />
            )}
          </button>
          <span class="caption" style={{ width: `${Math.max(size, 144)}px` }}>
            {original ? null : <bdi>{name} </bdi>}
            {decimals(one.p)} · {percent(one.part)} of pixels
          </span>
        </li>
      ))}
    </ol>
  );
}

interface LayerProps {
  /** What is inside the boxes, and elsewhere. */
  planes: readonly [Planes, Planes];
  boxes: Edits["layers"][number]["boxes"];
  imageSize: Edits["size"];
  size: number;
}

function Layer({ planes: [inside, outside], boxes, imageSize, size }: LayerProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    context.drawImage(pictureCanvas(boxed(inside, outside, boxes, imageSize)), 0, 0);
  }, [inside, outside, boxes]);
  const scale = size / Math.max(inside.w, inside.h);
  const style = { width: `${inside.w * scale}px`, height: `${inside.h * scale}px` };
  return (
    <canvas ref={canvas} width={inside.w} height={inside.h} style={style} class={inside.w < 64 ? "pixels" : ""} aria-hidden="true" />
  );
}
