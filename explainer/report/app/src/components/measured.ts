/** The inner width and height of an element, now and whenever they change; what ends that. */
export function measured(box: HTMLElement, set: (size: readonly [number, number]) => void): () => void {
  const measure = () => set([box.clientWidth, box.clientHeight]);
  const observer = new ResizeObserver(measure);
  observer.observe(box);
  measure();
  return () => observer.disconnect();
}
