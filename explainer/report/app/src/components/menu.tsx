import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface MenuProps {
  /** What the button says. */
  words: ComponentChildren;
  label: string;
  children: ComponentChildren;
}

/** A button that opens a small panel below it; Escape or a click elsewhere closes it. */
export function Menu({ words, label, children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => place.current?.contains(event.target as Node) || setOpen(false);
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const pressed = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !open) return;
    event.preventDefault();
    setOpen(false);
    place.current?.querySelector("button")?.focus();
  };
  return (
    <div class="menu" ref={place} onKeyDown={pressed}>
      <button type="button" aria-expanded={open} aria-haspopup="dialog" onClick={() => setOpen(!open)}>
        {words} <span aria-hidden="true">▾</span>
      </button>
      {open ? (
        <div class="panel" role="dialog" aria-label={label}>
          {children}
        </div>
      ) : null}
    </div>
  );
}
