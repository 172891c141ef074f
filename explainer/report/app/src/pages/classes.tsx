import { PageHead } from "../components/page_head";

export function Classes() {
  return <PageHead title="Classes" />;
}
