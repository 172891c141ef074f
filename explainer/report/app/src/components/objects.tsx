/** The boxes of the true objects over the pictures of a sample, and as text. */

import type { Objects } from "../data/types";
import { showExtra, view } from "../state";
import { inPane, type Frame } from "../view/zoom";
import { counted } from "../words";
import { labelName } from "./label_names";

/** The boxes that are to be drawn; null where there are none or they are switched off. */
export function shownObjects(objects: Objects | null | undefined): Objects | null {
  return objects && view.value.extra.objects !== "off" ? objects : null;
}

export function ObjectsSwitch({ objects }: { objects: Objects | null | undefined }) {
  if (!objects) return null;
  return (
    <label class="choice">
      <input
        type="checkbox"
        checked={view.value.extra.objects !== "off"}
        onChange={(event) => showExtra("objects", event.currentTarget.checked ? "" : "off")}
      />
      {boxesOf(objects)}
    </label>
  );
}

/** "2 boxes of true objects". */
export function boxesOf({ objects, in_all }: Objects): string {
  const words = `${counted(in_all, "box", "boxes")} of true objects`;
  return in_all > objects.length ? `${words}, the first ${objects.length} drawn` : words;
}

interface ObjectBoxesProps {
  objects: Objects;
  frame: Frame;
  /** Whether each box says what its object is. */
  named: boolean;
}

export function ObjectBoxes({ objects: { size, objects }, frame, named }: ObjectBoxesProps) {
  return (
    <div aria-hidden="true">
      {objects.map(({ label, box: [x, y, width, height] }, index) => {
        const [left, top] = inPane(frame, [x / size[0], y / size[1]]);
        const [right, bottom] = inPane(frame, [(x + width) / size[0], (y + height) / size[1]]);
        const style = { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` };
        return (
          <div key={index} class="box object" style={style}>
            {named ? <bdi>{labelName(label, 20)}</bdi> : null}
          </div>
        );
      })}
    </div>
  );
}

/** What is drawn, for those who do not see it. */
export function ObjectsInWords({ objects: { size, objects } }: { objects: Objects }) {
  return (
    <ul class="unseen" aria-label={`Boxes of true objects, in pixels of ${size[0]} × ${size[1]}`}>
      {objects.map(({ label, box: [x, y, width, height] }, index) => (
        <li key={index}>
          <bdi>{labelName(label, 60)}</bdi>: {width} × {height} at x {x} y {y}
        </li>
      ))}
    </ul>
  );
}
