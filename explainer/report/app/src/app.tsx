/** The app: what is around the pages, and which page is shown. */

import { render } from "preact";
import { useEffect } from "preact/hooks";
import { columnChunks, runOfPage } from "./data/run";
import { useChunk } from "./data/chunks";
import { servedText } from "./data/server";
import { useServer } from "./data/source";
import { Columns } from "./data/columns";
import { Help, toggleHelp } from "./components/help";
import { LiveBar } from "./components/live_bar";
import { Rail } from "./components/rail";
import { TopBar } from "./components/top_bar";
import { HELP, listen, useShortcuts } from "./keyboard";
import { follow } from "./live";
import { pageList, pageOf } from "./pages";
import type { Page } from "./routes";
import { columns, columnsFailed, followAddress, go, link, page, run } from "./state";
import { followTheme, switchTheme } from "./theme";
import { copyText, focusSearch } from "./actions";
import "./style/index.css";

function App() {
  useColumns();
  useShortcuts(
    () => [
      { keys: [HELP], shown: HELP, words: "this table", run: toggleHelp },
      { keys: ["t"], shown: "t", words: "light or dark", run: switchTheme },
      { keys: ["y"], shown: "y", words: "copy the link to this view", run: () => void copyText(link()) },
      { keys: ["f", "/"], shown: "f /", words: "search", run: focusSearch },
    ],
    [],
  );
  const { Shown, title } = pageOf(page.value);
  useEffect(() => {
    document.title = `${title} – ${run.value.run.name || "run"}`;
  }, [title]);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <TopBar />
      <LiveBar />
      <Rail />
      <main id="main" tabIndex={-1} data-page={page.value}>
        <Shown key={page.value} />
      </main>
      <Help />
    </>
  );
}

/** Keeps the address, which is the view, out of the jump. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function useColumns(): void {
  const chunk = useChunk(columnChunks, "cols");
  useEffect(() => {
    if (chunk.state === "ready") columns.value = new Columns(chunk.value, run.value.run.labels);
    columnsFailed.value = chunk.state === "failed" ? chunk.why : "";
  }, [chunk]);
}

function start(): void {
  const place = document.getElementById("app") as HTMLElement;
  followTheme();
  try {
    run.value = runOfPage();
  } catch (error) {
    place.textContent = `This report cannot be shown: ${error instanceof Error ? error.message : String(error)}`;
    return;
  }
  if (run.value.served) useServer((key) => servedText(key, run.value.served?.edition ?? ""));
  followAddress();
  follow();
  const to = (target: Page) => () => go({ page: target, extra: {} });
  listen(Object.fromEntries(pageList().filter(({ letter }) => letter).map(({ letter, key }) => [letter, to(key)])));
  render(<App />, place);
}

start();
