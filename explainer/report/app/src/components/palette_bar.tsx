import { useLayoutEffect, useRef } from "preact/hooks";
import type { Signed, Unsigned } from "../routes";
import { paletteTable } from "../view/palettes";

/** The colours of a palette in a row. */
export function PaletteBar({ palette }: { palette: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const table = paletteTable(palette as Unsigned | Signed);
    const pixels = context.createImageData(256, 1);
    for (let index = 0; index < 256; index++) {
      pixels.data.set(table.subarray(3 * index, 3 * index + 3), 4 * index);
      pixels.data[4 * index + 3] = 255;
    }
    context.putImageData(pixels, 0, 0);
  }, [palette]);
  return <canvas ref={canvas} class="palette-bar" width={256} height={1} aria-hidden="true" />;
}
