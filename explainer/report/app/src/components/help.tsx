import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { shortcuts, singleKeys } from "../keyboard";
import { pageList } from "../pages";

const open = signal(false);

export function toggleHelp(): void {
  open.value = !open.value;
}

/** The table of the keys that work here. */
export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open.value && !dialog.current?.open) dialog.current?.showModal();
    if (!open.value && dialog.current?.open) dialog.current.close();
  }, [open.value]);
  const close = () => (open.value = false);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={close} onClick={outside}>
      <div class="help-inside">
        <header>
          <h2 id="help-title">Keys</h2>
          <button type="button" onClick={close}>
            Close
          </button>
        </header>
        <Keys />
        <label class="choice">
          <input
            type="checkbox"
            checked={singleKeys.value}
            onChange={(event) => (singleKeys.value = event.currentTarget.checked)}
          />
          Single keys do something
        </label>
      </div>
    </dialog>
  );
}

function Keys() {
  const own = [...shortcuts.value].reverse().flat();
  const goes = pageList().filter(({ letter }) => letter);
  return (
    <div class="key-tables">
      <table>
        <tbody>
          {own.map(({ shown, words }) => (
            <KeyRow key={shown} shown={shown} words={words} />
          ))}
        </tbody>
      </table>
      <table>
        <tbody>
          {goes.map(({ letter, title }) => (
            <KeyRow key={letter} shown={`g ${letter}`} words={title} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function KeyRow({ shown, words }: { shown: string; words: string }) {
  return (
    <tr>
      <th scope="row">
        {shown.split(" ").map((part) => (
          <kbd key={part}>{part}</kbd>
        ))}
      </th>
      <td>{words}</td>
    </tr>
  );
}

function outside(event: MouseEvent): void {
  if (event.target === event.currentTarget) open.value = false;
}
