import { PageHead } from "../components/page_head";

export function Overview() {
  return <PageHead title="Overview" />;
}
