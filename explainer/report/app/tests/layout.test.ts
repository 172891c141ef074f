import { expect, test } from "vitest";
import { layoutOf, Tall } from "../src/view/layout";
import { dragged, inPane, inPicture, paneSize, zoomed, type Frame } from "../src/view/zoom";

test("cells fit the width, within their bounds", () => {
  expect(layoutOf(1000, 7, 0, true).cell).toBe(Math.floor((1000 - 184 - 16 + 8) / 7) - 8);
  expect(layoutOf(3800, 4, 0, true).cell).toBe(192);
  expect(layoutOf(950, 20, 0, true).cell).toBe(64);
  expect(layoutOf(1000, 7, 96, true).cell).toBe(96);
});

test("wide pictures have lower rows, down to the height of the text", () => {
  const [square, wide, flat] = [1, 1.5, 4].map((shape) => layoutOf(1600, 5, 0, true, shape));
  expect([square.cellHeight, wide.cellHeight, flat.cellHeight]).toEqual([192, 128, 48]);
  expect([square.rowHeight, wide.rowHeight, flat.rowHeight]).toEqual([226, 162, 110]);
});

test("on a narrow screen three stand in a line, below the text", () => {
  const layout = layoutOf(400, 7, 0, true);
  expect([layout.narrow, layout.perLine, layout.lines]).toEqual([true, 3, 3]);
  expect(layout.left + layout.width).toBeLessThanOrEqual(400);
  expect(layoutOf(700, 20, 0, true).perLine).toBe(4); // beside the text they would be too small
});

test("a list that is not too high scrolls as it is", () => {
  const tall = new Tall(1000, 100, 500);
  expect(tall.height).toBe(100_000);
  expect(tall.seen(12_345, 0)).toEqual([123, 129]);
  expect(tall.rowTop(7, 12_345)).toBe(700);
});

test("a list that is too high for a browser reaches its last row all the same", () => {
  const tall = new Tall(100_000, 130, 900);
  expect(tall.height).toBe(8_000_000);
  const bottom = tall.height - 900;
  expect(tall.seen(0, 0)[0]).toBe(0);
  expect(tall.seen(bottom, 0)[1]).toBe(100_000);
  expect(tall.rowTop(99_999, bottom) + 130).toBeCloseTo(tall.height);
});

test("a row is scrolled to only as far as needed, above and below", () => {
  for (const rows of [1000, 100_000]) {
    const tall = new Tall(rows, 130, 900);
    const top = tall.topFor(500, 0);
    expect(tall.rowTop(500, top) + 130 - top).toBeCloseTo(900);
    expect(tall.topFor(499, top)).toBe(top);
    const back = tall.topFor(10, top);
    expect(tall.rowTop(10, back) - back).toBeCloseTo(0);
  }
});

const FRAME: Frame = { paneWidth: 300, paneHeight: 300, width: 200, height: 100, zoom: 0, centre: [0.5, 0.5] };

test("a picture that fits lies in the middle of its pane", () => {
  expect(inPane(FRAME, [0, 0])).toEqual([0, 75]);
  expect(inPane(FRAME, [1, 1])).toEqual([300, 225]);
});

test("places in the pane and in the picture are each other's inverse", () => {
  const frame = { ...FRAME, zoom: 4, centre: [0.2, 0.9] as const };
  const [x, y] = inPicture(frame, inPane(frame, [0.3, 0.6]));
  expect([x, y]).toEqual([expect.closeTo(0.3), expect.closeTo(0.6)]);
});

test("the point below the cursor stays there while zooming", () => {
  const at = [220, 130] as const;
  const before = inPicture(FRAME, at);
  const after = inPicture({ ...FRAME, ...zoomed(FRAME, 2.5, at) }, at);
  expect(after).toEqual([expect.closeTo(before[0]), expect.closeTo(before[1])]);
});

test("zoomed out until it fits it is whole again", () => {
  expect(zoomed({ ...FRAME, zoom: 1.6, centre: [0.1, 0.1] }, 0.5, [10, 10])).toEqual({ zoom: 0, centre: [0.5, 0.5] });
});

test("dragging moves the picture with the cursor, and not out of sight", () => {
  const frame = { ...FRAME, zoom: 4 };
  expect(dragged(frame, 80, -40)).toEqual([0.4, 0.6]);
  expect(dragged(frame, 9999, 0)).toEqual([0, 0.5]);
});

test("panes are as large as lets all of them be seen", () => {
  const side = Math.floor((640 + 12) / 2 - 12 - 40);
  expect(paneSize(6, 1, 1000, 640, 40)).toEqual([side, side]);
  expect(paneSize(1, 1, 2000, 2000, 40)).toEqual([480, 480]);
  expect(paneSize(40, 1, 500, 300, 40)).toEqual([112, 112]);
  expect(paneSize(2, 2, 612, 900, 40)).toEqual([612, 306]); // one above the other
  expect(paneSize(1, 4, 2000, 2000, 40)).toEqual([960, 240]);
});
