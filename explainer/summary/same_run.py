"""What must be the same in two runs that are to be one: one that is gone on with, parts that are put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from explainer.records import RunMetadata
from explainer.summary.settings import Difference, differences, mapping

_MAY_DIFFER = ("batch_size", "on_bad_sample")
"""Options that change no result: a run that ran out of memory, or met a bad sample, is gone on with by others."""

_FOUND_OUT = ("chosen_layer",)
"""Settings that the first images tell: a run that has had none yet cannot say them."""


def compared(metadata: RunMetadata) -> dict[str, Any]:
    """What must be the same, by the name that messages have for it."""
    parameters = dict(metadata.parameters)
    parameters.pop("merged", None)  # who computed what is no matter
    provenance = mapping(parameters.pop("provenance", None))
    options = mapping(parameters.pop("options", None))
    engine = mapping(parameters.pop("engine", None))
    return {
        "package major version": metadata.package_version.split(".")[0],
        "network": [parameters.pop("network", None), provenance.get("network")],
        "weights": provenance.get("weights"),
        "engine": engine.get("name"),
        "labels": list(metadata.labels),
        "names of explainers": list(metadata.explainers),
        "names of metrics": list(metadata.metrics),
        "jobs": list(metadata.jobs),
        "given": {name: provenance[name] for name in metadata.jobs if name in provenance},
        **parameters,
        "options": {name: value for name, value in options.items() if name not in _MAY_DIFFER},
    }


def free(metadata: RunMetadata) -> dict[str, Any]:
    """What may be other."""
    options = mapping(metadata.parameters.get("options"))
    provenance = mapping(metadata.parameters.get("provenance"))
    known = ("network", "weights", "configuration", *metadata.jobs)  # compared elsewhere, setting by setting
    rest = {name: value for name, value in provenance.items() if name not in known}
    engine = {"engine version": mapping(metadata.parameters.get("engine")).get("version")}
    return rest | engine | {name: options[name] for name in _MAY_DIFFER if name in options}


def told_differences(one: Mapping[str, Any], another: Mapping[str, Any]) -> Iterator[Difference]:
    """What is not alike in what is compared of two runs; what one of them cannot tell yet is no difference.

    >>> list(told_differences({"layer": "auto"}, {"layer": "auto", "chosen_layer": "a"}))
    []
    >>> list(told_differences({"layer": "auto", "chosen_layer": "b"}, {"layer": "auto", "chosen_layer": "a"}))
    [Difference(name='chosen_layer', first='b', second='a')]
    """
    for found in differences(one, another):
        is_untold = found.name.rpartition(".")[2] in _FOUND_OUT and None in (found.first, found.second)
        if not is_untold:
            yield found


def in_words(found: Difference, first: str = "then", second: str = "now") -> str:
    """A difference, as messages tell it.

    >>> in_words(Difference("seed", 7, 8), "in a", "in b")
    'seed differs: 7 in a, 8 in b'
    """
    several = found.name.partition(" of ")[0].endswith("s")
    return f"{found.name} differ{'' if several else 's'}: {found.first!r} {first}, {found.second!r} {second}"


def engines(metadata: RunMetadata) -> dict[str, Any]:
    """Which engine answered what beside the network's outputs, by the name that messages have for it."""
    questions = mapping(mapping(metadata.parameters.get("engine")).get("questions"))
    return {f"engine of the {question}": mapping(found).get("name") for question, found in questions.items()}
