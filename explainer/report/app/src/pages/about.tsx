import { Licences } from "../components/licences";
import { PageHead } from "../components/page_head";

export function About() {
  return (
    <>
      <PageHead title="About" />
      <Licences />
    </>
  );
}
