import { PageHead } from "../components/page_head";

export function Sample() {
  return <PageHead title="Sample" />;
}
