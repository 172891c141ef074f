import { pageList } from "../pages";
import { hashWith, page } from "../state";

/** The pages; one that has nothing to show is muted and says why. */
export function Rail() {
  const shown = page.value === "sample" ? "samples" : page.value;
  return (
    <nav class="rail" aria-label="Pages">
      {pageList().map(({ key, title, sign, lacks }) => (
        <a
          key={key}
          href={hashWith({ page: key, extra: {} })}
          class={lacks() ? "lacking" : ""}
          aria-current={key === shown ? "page" : undefined}
          title={lacks() || title}
        >
          <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
            <path d={sign} />
          </svg>
          <span>{title}</span>
        </a>
      ))}
    </nav>
  );
}
