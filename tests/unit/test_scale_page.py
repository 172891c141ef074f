"""The recipes of docs/scale.md: those of the shell and of msrun run, with fewer processes; the others are read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from photo_runs import FACTORIES, pixels_of
from PIL import Image

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
dataset = GeneratorDataset([(image,) for image in images], ["image"], shuffle=False).batch(2)
network, labels = seeded(5), ["ant", "bee", "cat", "dog"]
options = RunOptions(progress=False)
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


TWO = {"all": ("--worker_num=8", "--worker_num=2"), "here": ("--local_worker_num=8", "--local_worker_num=2")}


def test_msruns_recipe_for_the_command_line_explains_every_sample_once_and_nothing_for_its_scheduler(
    place: Path,
) -> None:
    shell(fewer(recipe("msrun"), **TWO), place)
    assert shards_of(place) == {"shard-0-of-2": [0, 2, 4, 6], "shard-1-of-2": [1, 3, 5]}
    for shard in (place / "out" / "shards").iterdir():
        assert len(list(shard.glob("events.out.*"))) == 1


def test_msruns_recipe_for_a_script_explains_every_sample_once_and_its_scheduler_ends_at_the_run(place: Path) -> None:
    shell(fewer(recipe("msrun", number=1), **TWO), place)
    assert shards_of(place) == {"shard-0-of-2": [0, 2, 4, 6], "shard-1-of-2": [1, 3, 5]}
    told = {log.stem: log.read_text(encoding="utf-8").splitlines()[-1:] for log in (place / "logs").iterdir()}
    assert told["worker_0"] == ["explained 4"]
    assert told["worker_1"] == ["explained 3"]
    assert "explained" not in "".join(told["scheduler"])


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """A folder with a command `explainer` that says what it is called with."""
    command = tmp_path / "bin" / "explainer"
    command.parent.mkdir()
    command.write_text('#!/bin/sh\necho "threads $OMP_NUM_THREADS:" "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return command.parent


CALLED = "threads 4: run --config run.toml --shard 3/16 --resume\n"


def test_slurms_recipe_is_a_script_for_as_many_tasks_as_there_are_shards(said: Path) -> None:
    text = recipe("SLURM")
    told = shell(f"PATH={said}:$PATH\n{text}", said, SLURM_ARRAY_TASK_ID="3", SLURM_CPUS_PER_TASK="4")
    assert told == CALLED
    assert text.startswith("#!/usr/bin/env bash\n#SBATCH ")
    assert "#SBATCH --array=0-15\n" in text


def test_kubernetes_recipe_is_a_job_of_as_many_pods_as_there_are_shards(said: Path) -> None:
    job = yaml.safe_load(recipe("Kubernetes", "yaml"))
    assert (job["kind"], job["spec"]["completionMode"], job["spec"]["completions"]) == ("Job", "Indexed", 16)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert [mount["name"] for mount in container["volumeMounts"]] == [volume["name"] for volume in pod["volumes"]]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    assert container["command"] == ["sh", "-c"]
    (text,) = container["args"]
    assert shell(f"PATH={said}:$PATH\n{text}", said, JOB_COMPLETION_INDEX="3", **variables) == CALLED
