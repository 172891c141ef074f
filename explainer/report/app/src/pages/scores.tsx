import { PageHead } from "../components/page_head";

export function Scores() {
  return <PageHead title="Scores" />;
}
