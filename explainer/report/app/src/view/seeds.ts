/** Everything that is called a seed, by where it stands. */
export function seedsOf(parameters: unknown, path = "", found: Record<string, unknown> = {}): Record<string, unknown> {
  if (typeof parameters !== "object" || parameters === null || Array.isArray(parameters)) return found;
  for (const [name, value] of Object.entries(parameters)) {
    const place = path ? `${path} · ${name}` : name;
    if (/(^|_)seed$/.test(name)) found[place] = value;
    else if (place.length < 400) seedsOf(value, place, found);
  }
  return found;
}
