/** What is taken for what in this run; null while its columns are read. */

import { computed } from "@preact/signals";
import { columns, run } from "./state";
import { confusionOf } from "./view/confusion";

export const confusion = computed(() => (columns.value ? confusionOf(columns.value, run.value.run.labels.length) : null));
