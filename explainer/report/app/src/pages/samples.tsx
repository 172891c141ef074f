import { PageHead } from "../components/page_head";

export function Samples() {
  return <PageHead title="Samples" />;
}
