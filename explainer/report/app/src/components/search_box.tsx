import { useEffect, useState } from "preact/hooks";
import { go, show, view } from "../state";

const SEARCH_AFTER = 120; // ms after the last letter

/** Searches the samples by number, name or label. opens: it leads to the samples, with Enter. */
export function SearchBox({ opens = false }: { opens?: boolean }) {
  const [text, setText] = useState(view.value.search);
  useEffect(() => setText(view.value.search), [view.value.search]);
  useEffect(() => {
    if (opens || text === view.peek().search) return;
    const waiting = window.setTimeout(() => show({ search: text }), SEARCH_AFTER);
    return () => window.clearTimeout(waiting);
  }, [text]);
  const pressed = (event: KeyboardEvent) => {
    if (event.key === "Enter" && opens) go({ page: "samples", search: text, extra: {} });
    if (event.key === "Escape") (event.currentTarget as HTMLElement).blur();
  };
  return (
    <input
      type="search"
      data-main
      placeholder="Name, number, label"
      aria-label="Search samples by name, number or label"
      aria-keyshortcuts="f /"
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      onKeyDown={pressed}
    />
  );
}
