"""What a user picks out of a run: a sample by number or file name, a label by number or name, a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explainer.checks import did_you_mean, require_choice
from explainer.class_names import class_id
from explainer.records import RunMetadata, SaliencyFile
from explainer.summary.reader import SampleView


def chosen_sample(samples: Mapping[int, SampleView], sample: Any, *, argument: str = "sample") -> SampleView:
    """The complete sample of this number, or of the file of this name.

    Raises:
        ValueError: there is none; which there are, or which name is near.
    """
    if isinstance(sample, str):
        found = next((view for view in samples.values() if view.source == sample), None)
    else:
        found = samples.get(sample)
    if found is None:
        known = list(samples)
        where = f"lie in {known[0]} to {known[-1]}" if known else "are none"
        names = (view.source for view in samples.values() if view.source)
        near = did_you_mean(sample, names) if isinstance(sample, str) else ""
        raise ValueError(
            f"`{argument}` must be numbers of complete samples, which {where}, or names of their files, "
            f"got {sample!r}{near}"
        )
    return found


def chosen_label(names: Sequence[str], label: Any, *, argument: str = "label") -> int:
    """The number of a label that is given by name or number.

    Raises:
        ValueError: there is none; which names are near.

    >>> chosen_label(["cat", "dog"], "dog"), chosen_label(["cat", "dog"], 0)
    (1, 0)
    """
    if isinstance(label, str):
        return class_id(label, names, argument=argument)
    if isinstance(label, bool) or not isinstance(label, int | np.integer) or not 0 <= label < len(names):
        raise ValueError(f"`{argument}` must be names of labels, or numbers in [0, {len(names) - 1}], got {label!r}")
    return int(label)


def chosen_map(sample: SampleView, explainer: str, label: Any, metadata: RunMetadata) -> SaliencyFile:
    """The map of a sample by one method for one label.

    Raises:
        ValueError: there is no such method, label or map; for which labels the method has one.
    """
    require_choice("explainer", explainer, metadata.explainers)
    wanted = chosen_label(metadata.labels, label)
    maps = {entry.label: entry for entry in sample.maps if entry.explainer == explainer}
    if wanted not in maps:
        explained = ", ".join(repr(metadata.labels[known]) for known in maps if 0 <= known < len(metadata.labels))
        raise ValueError(
            f"sample {sample.sample_id} has no map of {explainer} for the label {metadata.labels[wanted]!r}; it has "
            f"maps for {explained or 'none'}"
        )
    return maps[wanted]
