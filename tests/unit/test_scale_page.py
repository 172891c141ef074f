"""The recipes of docs/scale.md: those of the shell and of msrun run, with fewer processes; the others are read."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from photo_runs import FACTORIES, pixels_of
from PIL import Image
from run_leaves import compared, leaves_of

from explainer import read_run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
SAMPLES = 7
CONFIGURATION = """
network = "factories:seeded"
network-args = { seed = 5 }
images = "photos"
labels = "labels.txt"
size = [6, 9]
explainers = ["Gradient", "RISE:masks=20"]
metrics = ["Sparseness"]
summary-dir = "out/shards"
"""
SCRIPT = """
import numpy as np
from mindspore import nn
from mindspore.dataset import GeneratorDataset

from explainer import ImageClassificationRunner, RunOptions
from explainer.explanation import Gradient
from factories import seeded

images = np.random.default_rng(0).random((7, 3, 6, 9), np.float32)
dataset = GeneratorDataset([(image,) for image in images], ["image"], shuffle=False)
network, labels = seeded(5), ["ant", "bee", "cat", "dog"]
options = RunOptions(progress=False, batch_size=1)
runner = ImageClassificationRunner("out/shards", (dataset, labels), network, nn.Softmax(), options=options)
runner.register_saliency([Gradient(network)])
result = runner.run(shard="auto", resume=True)
print("explained", result.samples)
"""


def recipe(heading: str, language: str = "bash", number: int = 0) -> str:
    """A block of code below a heading of the page."""
    section = PAGE.split(f"\n### {heading}\n")[1].split("\n### ")[0].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)[number]


def fewer(text: str, **numbers: tuple[str, str]) -> str:
    """A recipe with other numbers; each that is named must be in it."""
    for name, (before, after) in numbers.items():
        assert before in text, name
        text = text.replace(before, after)
    return text


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with pictures, a network and run.toml."""
    (tmp_path / "photos").mkdir()
    for number in range(SAMPLES):
        Image.fromarray(pixels_of(number)).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat\ndog\n", encoding="utf-8")
    (tmp_path / "factories.py").write_text(FACTORIES, encoding="utf-8")
    (tmp_path / "run.toml").write_text(CONFIGURATION, encoding="utf-8")
    (tmp_path / "explain.py").write_text(SCRIPT, encoding="utf-8")
    return tmp_path


def shell(text: str, place: Path, **variables: str) -> str:
    """What a text prints, run by bash with this Python's commands first."""
    paths = [str(place), str(ROOT), str(ROOT / "tests")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "MS_", "OMPI_"))}
    environment |= {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(paths),
        **variables,
    }
    done = subprocess.run(
        ["bash", "-c", text], cwd=place, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def samples_of(folder: Path) -> list[int]:
    run = read_run(folder)
    assert run.ended
    return sorted(run.samples)


def shards_of(place: Path) -> dict[str, list[int]]:
    return {folder.name: samples_of(folder) for folder in sorted((place / "out" / "shards").iterdir())}


def test_the_shells_recipe_explains_every_sample_once(place: Path) -> None:
    text = fewer(recipe("A shell"), all=("seq 0 15", "seq 0 2"), count=("/16", "/3"), at_a_time=("-P 4", "-P 2"))
    shell(text, place)
    assert shards_of(place) == {"shard-0-of-3": [0, 3, 6], "shard-1-of-3": [1, 4], "shard-2-of-3": [2, 5]}
    assert samples_of(place / "out" / "all") == list(range(SAMPLES))


TWO = {"all": ("--worker_num=8", "--worker_num=2"), "here": ("--local_worker_num=8", "--local_worker_num=2")}


def test_msruns_recipe_for_the_command_line_explains_every_sample_once_and_nothing_for_its_scheduler(
    place: Path,
) -> None:
    shell(fewer(recipe("msrun"), **TWO), place)
    assert shards_of(place) == {"shard-0-of-2": [0, 2, 4, 6], "shard-1-of-2": [1, 3, 5]}
    for shard in (place / "out" / "shards").iterdir():
        assert len(list(shard.glob("events.out.*"))) == 1
    assert samples_of(place / "out" / "all") == list(range(SAMPLES))


def test_msruns_recipe_for_a_script_gives_the_run_in_one_piece_and_its_scheduler_ends_at_the_run(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell(fewer(recipe("msrun", number=1), **TWO), place)
    assert shards_of(place) == {"shard-0-of-2": [0, 2, 4, 6], "shard-1-of-2": [1, 3, 5]}
    told = {log.stem: log.read_text(encoding="utf-8").splitlines()[-1:] for log in (place / "logs").iterdir()}
    assert told["worker_0"] == ["explained 4"]
    assert told["worker_1"] == ["explained 3"]
    assert "explained" not in "".join(told["scheduler"])
    assert compared(values_of(place / "out" / "all"), values_of(in_one_piece(place, monkeypatch))) == ((), 0)


def in_one_piece(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the script's run, run here without msrun and without shards."""
    script = fewer(SCRIPT, all=('shard="auto", ', ""), folder=("out/shards", "out/single"))
    (place / "single.py").write_text(script, encoding="utf-8")
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend(place)
    runpy.run_path(str(place / "single.py"))
    return place / "out" / "single"


def values_of(folder: Path) -> dict[str, Any]:
    """All that can be read of a run but where it was made."""
    own = tuple(
        f"metadata.parameters.{name}" for name in ("merged", "length", "provenance.command", "engine.difference")
    )
    return {where: value for where, value in leaves_of(folder) if not where.startswith(own)}


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """A folder with commands that say what they are called with, and where each submission is a job with number 17."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, says in {
        "explainer": 'echo "threads $OMP_NUM_THREADS:" "$@"',
        "sbatch": 'echo "$@" >> submitted.txt; echo 17',
        "kubectl": 'echo "$@"',
    }.items():
        (commands / name).write_text(f"#!/bin/sh\n{says}\n", encoding="utf-8")
        (commands / name).chmod(0o755)
    return commands


CALLED = "threads 4: run --config run.toml --shard 3/16 --resume\n"
MERGED = "explainer merge out/all out/shards"


def called(text: str, said: Path, **variables: str) -> str:
    """What the commands of a text say."""
    return shell(f"PATH={said}:$PATH\n{text}", said.parent, **variables)


def test_slurms_recipe_is_a_script_for_as_many_tasks_as_there_are_shards(said: Path) -> None:
    text = recipe("SLURM")
    assert called(text, said, SLURM_ARRAY_TASK_ID="3", SLURM_CPUS_PER_TASK="4") == CALLED
    head, _, commands = text.partition("\nset -euo pipefail\n")
    assert all(line.startswith("#") for line in head.splitlines())
    assert "#SBATCH" not in commands  # SLURM reads none behind a command
    assert "#SBATCH --array=0-15\n" in head


def test_slurms_merge_waits_for_the_array(said: Path) -> None:
    called(recipe("SLURM", number=1), said)
    submitted = (said.parent / "submitted.txt").read_text(encoding="utf-8").splitlines()
    assert submitted == [
        "--parsable explain.sh",
        f"--dependency=afterok:17 --output=logs/merge.txt --wrap {MERGED}",
    ]


def test_kubernetes_recipe_is_a_job_of_as_many_pods_as_there_are_shards(said: Path) -> None:
    job = yaml.safe_load(recipe("Kubernetes", "yaml"))
    assert (job["spec"]["completionMode"], job["spec"]["completions"]) == ("Indexed", 16)
    container = container_of(job)
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert container["command"] == ["sh", "-c"]
    (text,) = container["args"]
    assert called(text, said, JOB_COMPLETION_INDEX="3", **variables) == CALLED


def test_kubernetes_merge_is_a_job_on_the_same_volume(said: Path) -> None:
    jobs = {job["metadata"]["name"]: job for job in (yaml.safe_load(recipe("Kubernetes", "yaml", at)) for at in (0, 1))}
    merging = container_of(jobs["merge"])
    assert " ".join(merging["command"]) == MERGED
    volumes = [job["spec"]["template"]["spec"]["volumes"] for job in jobs.values()]
    assert volumes[0] == volumes[1]
    assert merging["workingDir"] == container_of(jobs["explain"])["workingDir"]
    wait = "wait --for=condition=complete --timeout=24h job/explain"
    assert called(recipe("Kubernetes"), said).splitlines() == [
        "apply -f explain.yaml",
        wait,
        "apply -f merge.yaml",
    ]


def container_of(job: Any) -> Any:
    """The one container of a job's pods, whose volumes are all there."""
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    (container,) = pod["containers"]
    assert [mount["name"] for mount in container["volumeMounts"]] == [volume["name"] for volume in pod["volumes"]]
    return container
