"""The page of a report: one HTML file around the app, the facts of the run, and, if wanted, every chunk."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from explainer.report.chunks import as_json

MARK = b"<!DOCTYPE html>\n<!-- written by explainer report -->\n"
"""How every page begins; what begins otherwise is nobody's report."""
_IN_SCRIPT = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
_CHUNKS = "$chunks"
_NOTHING = "'none'"
_LONGEST = 200  # characters of a name
Facts = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """The page of a report, up to the place where its chunks stand, and from there on."""

    before: str
    after: str


def page_of(facts: Facts, *, connect: str = _NOTHING) -> Page:
    """The page of a run.

    Args:
        facts: of the run, as JSON values.
        connect: what the page may ask for, as a source expression of its policy.
    """
    script, style = app_file("app.js"), app_file("app.css")
    before, _, after = _resource("page.html").partition(_CHUNKS)
    slots = {
        "policy": policy(connect),
        "title": escape(_short(f"{facts['run']['name']} · explainer")),
        "style": style,
        "facts": _without_script(facts),
        "run": json_for_script(facts),
        "script": script,
    }
    return Page(*(Template(part).substitute(slots) for part in (before, after)))


def policy(connect: str = _NOTHING) -> str:
    """The content security policy of a page: the app and what it loads, and no text of a run as code.

    Args:
        connect: what the page may ask for, as a source expression.
    """
    directives = (
        "default-src 'none'",
        f"script-src '{content_hash(app_file('app.js'))}' 'strict-dynamic'",
        f"style-src '{content_hash(app_file('app.css'))}'",
        "img-src data: blob:",
        f"connect-src {connect}",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types chunk",
    )
    return "; ".join(directives)


def in_page(key: str, text: bytes) -> tuple[bytes, bytes, bytes]:
    """A chunk as it stands in a page of one file."""
    return f'<script type="text/plain" id="{key}">'.encode("ascii"), text, b"</script>\n"


def in_file(key: str, text: bytes) -> tuple[bytes, bytes, bytes]:
    """A chunk as a file of its own, which a page loads as a script: pages from the disk may load nothing else."""
    return f'E("{key}","'.encode("ascii"), text, b'")'


def json_for_script(value: Any) -> str:
    r"""JSON that stands between the tags of a script, where no markup in it counts.

    >>> json_for_script("</script>")
    '"\\u003c/script\\u003e"'
    """
    return as_json(value).translate(_IN_SCRIPT)


def content_hash(text: str) -> str:
    """The source expression of a content security policy that allows this script or style alone.

    >>> content_hash("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def app_file(name: str) -> str:
    """A file of the app, with the line ends that a browser makes of it before it looks at its hash.

    Raises:
        ValueError: it holds what ends the tag that it stands in.
    """
    text = _resource(f"static/{name}").replace("\r\n", "\n").replace("\r", "\n")
    if any(end in text.lower() for end in ("</script", "</style", "<!--")):
        raise ValueError(f"the app's {name} must hold none of </script, </style and <!--, which would end its tag")
    return text


def _resource(name: str) -> str:
    return files("explainer.report").joinpath(name).read_text(encoding="utf-8")


# What is seen where scripts are off: the facts, and the mean scores as a table.


def _without_script(facts: Facts) -> str:
    run, counts = facts["run"], facts["counts"]
    rows = {
        "state": run["state"],
        "started": run["started"] or "unknown",
        "samples": facts["samples"],
        "predicted correctly": f"{counts['correct']} of {counts['with_truth']} with a true label",
        "labels": len(run["labels"]),
        "skipped": counts["skipped"],
        "findings": facts["findings_in_all"],
        "written by": f"explainer {run['package_version']}",
    }
    terms = "".join(f"<dt>{name}</dt><dd>{_shown(value)}</dd>" for name, value in rows.items())
    said = "<p>The report needs JavaScript; without it, this is the run:</p>"
    return f"<h1>{_shown(run['name'])}</h1>{said}<dl>{terms}</dl>{_table(facts)}"


def _table(facts: Facts) -> str:
    """The mean score of each method by each metric, with its interval."""
    if not facts["statistics"]:
        return ""
    found = {(entry["method"], entry["metric"]): entry["all"] for entry in facts["statistics"]}
    heads = "".join(f"<th>{_shown(metric['name'])} ({metric['better']} is better)</th>" for metric in facts["metrics"])
    rows = "".join(
        f"<tr><th>{_shown(method['name'])}</th>"
        + "".join(f"<td>{_mean(found.get((row, column)))}</td>" for column in range(len(facts["metrics"])))
        + "</tr>"
        for row, method in enumerate(facts["methods"])
    )
    return f"<table><tr><th>mean score [95 % interval]</th>{heads}</tr>{rows}</table>"


def _mean(summary: Facts | None) -> str:
    if summary is None:
        return ""
    undefined = f", {summary['undefined']} undefined" if summary["undefined"] else ""
    if summary["mean"] is None:
        return f"undefined (n 0{undefined})"
    interval = "" if summary["low"] is None else f" [{summary['low']:.3f}, {summary['high']:.3f}]"
    return f"{summary['mean']:.3f}{interval} (n {summary['n']}{undefined})"


def _shown(value: object) -> str:
    """A text as HTML, set apart so that its reading direction turns nothing beside it."""
    return f"<bdi>{escape(_short(str(value)))}</bdi>"


def _short(text: str) -> str:
    """The text, cut where it is long, with signs for what UTF-8 has not and for what controls."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return "".join(char if char.isprintable() else "\ufffd" for char in short)
