import { PageHead } from "../components/page_head";

export function Edits() {
  return <PageHead title="Edits" />;
}
