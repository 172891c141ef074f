import { PageHead } from "../components/page_head";

export function Compare() {
  return <PageHead title="Compare" />;
}
