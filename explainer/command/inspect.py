"""`explainer inspect`: what a summary holds."""

from __future__ import annotations

import click

from explainer.analysis.facts import COMPLETE, Facts, run_and_facts
from explainer.analysis.sample_lists import most_uncertain, require_samples, surest_errors, worst_scores
from explainer.analysis.view import RunView
from explainer.checks import require_choice
from explainer.command import inspect_text, terminal, text
from explainer.command.copies import Records, records_of
from explainer.command.paths import PLACE
from explainer.command.score_text import metric_tables, scored_metrics, tied_methods
from explainer.command.tables import Rows, Table
from explainer.remote import Place

_COUNT = click.IntRange(1)


@click.command(help=inspect_text.INSPECT, short_help="Show what a summary holds.", epilog=inspect_text.INSPECT_END)
@click.argument("folder", metavar="DIR", type=PLACE)
@click.option("--sort", metavar="METRIC", help=inspect_text.SORT_OPTION)
@click.option("--metric", metavar="NAME", help=inspect_text.METRIC_OPTION)
@click.option("--worst", type=_COUNT, metavar="N", help=inspect_text.WORST_OPTION)
@click.option("--uncertain", type=_COUNT, metavar="N", help=inspect_text.UNCERTAIN_OPTION)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option("--run", "chosen", metavar="N", help=text.RUN_OPTION)
def inspect(
    folder: Place,
    sort: str | None,
    metric: str | None,
    worst: int | None,
    uncertain: int | None,
    as_json: bool,
    chosen: str | None,
) -> int:
    """Prints the facts of a run in a folder; the exit status."""
    if as_json and sort is not None:
        raise click.UsageError("--sort orders the rows of tables; in --json each entry of statistics has its rank.")
    if sort is not None and metric is None and (worst is not None or uncertain is not None):
        raise click.UsageError("--sort orders methods, of which --worst and --uncertain alone show none.")
    with records_of(folder) as records:
        return _show(records, chosen, sort, metric, worst, uncertain, as_json=as_json)


def _show(
    records: Records,
    chosen: str | None,
    sort: str | None,
    metric: str | None,
    worst: int | None,
    uncertain: int | None,
    *,
    as_json: bool,
) -> int:
    """Prints what was asked for; the exit status."""
    run, facts = run_and_facts(records.folder, run=chosen, sources=as_json)
    facts = records.where_they_lie(run, facts)
    if worst is not None or uncertain is not None:
        require_samples(run)
    for option, name in (("--sort", sort), ("--metric", metric)):
        if name is not None:
            _require_metric(option, name, facts)
    lists = {
        "worst": None if worst is None else _worst(run, metric, worst, facts),
        "uncertain": None if uncertain is None else most_uncertain(run, uncertain),
    }
    if as_json:
        terminal.print_json({**_of_metric(facts, metric), **lists})
    else:
        terminal.print_tables(_tables(facts, metric, sort, lists))
    return 0 if facts["state"] in COMPLETE else 1


def _require_metric(option: str, name: str, facts: Facts) -> None:
    metrics = scored_metrics(facts)
    if not metrics:
        raise ValueError(
            f"`{option}` must be a metric of the run, got {name!r}, but the run has no scores; they are computed by "
            "`explainer run --metrics` and by register_saliency(..., benchmarkers=[...])"
        )
    require_choice(option, name, metrics)


def _worst(run: RunView, metric: str | None, count: int, facts: Facts) -> list[Facts]:
    if metric is None:
        return surest_errors(run, count)
    return worst_scores(run, metric, count, without=tied_methods(metric, facts))


def _of_metric(facts: Facts, metric: str | None) -> Facts:
    """The facts, scores and curves of one metric alone if one is named."""
    if metric is None:
        return facts
    of_metrics = ("scores", "statistics", "curves")
    return {**facts, **{key: [entry for entry in facts[key] if entry["metric"] == metric] for key in of_metrics}}


def _tables(facts: Facts, metric: str | None, sort: str | None, lists: Facts) -> list[Rows | Table]:
    """What was asked for; the overview where nothing was."""
    blocks: list[Rows | Table] = []
    if metric is not None:
        blocks += metric_tables(facts, metric, sort)
    if lists["worst"] is not None and metric is not None:
        blocks.append(inspect_text.worst_table(lists["worst"], facts, metric))
    elif lists["worst"] is not None:
        blocks.append(inspect_text.errors_table(lists["worst"], facts))
    if lists["uncertain"] is not None:
        blocks.append(inspect_text.uncertain_table(lists["uncertain"], facts))
    return [inspect_text.head(facts), *blocks] if blocks else inspect_text.overview(facts, sort)
