"""The command `explainer`: help, version, wrong command lines, and exit statuses."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hand_made_runs import write_run

import explainer
from explainer.command.main import main
from explainer.errors import BadSampleError, DatasetError, LayerError, SummaryReadError, SummaryWriteError
from explainer.version import __version__

# ------------------------------------------------- help


def help_of(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *command: str) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*command, "--help"]) == 0
    return capsys.readouterr().out


def test_the_help_names_every_command_and_has_an_example(capsys, monkeypatch):
    text = help_of(capsys, monkeypatch)
    for expected in (
        "inspect",
        "merge",
        "repair",
        "run",
        "verify",
        "--version",
        "--help",
        "Example:\n",
        "\n    explainer inspect ",
    ):
        assert expected in text


@pytest.mark.parametrize(
    "command", [[], ["compare"], ["figure"], ["inspect"], ["run"], ["verify"], ["repair"], ["merge"]]
)
def test_the_help_fits_a_terminal_of_80_columns(capsys, monkeypatch, command):
    lines = help_of(capsys, monkeypatch, *command).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith(f"Usage: {' '.join(['explainer', *command])} ")


def test_the_help_of_inspect_has_its_options_an_example_and_the_exit_status(capsys, monkeypatch):
    text = help_of(capsys, monkeypatch, "inspect")
    for expected in (
        "Usage: explainer inspect [OPTIONS] DIR\n",
        *("--json", "--sort METRIC", "--metric NAME", "--worst N", "--uncertain N", "--run N"),
        "Example:\n",
        "\n    explainer inspect summary_dir/digits\n",
        "\n    explainer inspect summary_dir/digits --json | python -m json.tool\n",
        "Exit status:\n    0  the summary is complete\n    1  the run did not end or the file is damaged\n",
        "\n    2  there is no summary to read, or a wrong argument\n",
    ):
        assert expected in text


RUN_OPTIONS = (
    "--config FILE",
    "--network MODULE:FACTORY",
    "--network-args KEY=VALUE...",
    "--images DIR",
    "--labels FILE",
    "--labels-csv FILE",
    "--annotations PATH",
    "--boxes FILE",
    "--on-unknown-label [raise|ignore]",
    "--preprocess [imagenet|cifar|none]",
    "--summary-dir OUT",
    "--checkpoint CKPT",
    "--explainers LIST",
    "--metrics LIST",
    "--hierarchical-occlusion",
    "--uncertainty [dropout|shift|noise]",
    "--activation [softmax|sigmoid]",
    "--size H W",
    "--resize N",
    "--center-crop N...",
    "--channels [1|3]",
    "--mean M...",
    "--std S...",
    "--batch-size N",
    "--top-k K",
    "--limit N",
    "--sample-seed S",
    "--max-megapixels N",
    "--bits N",
    "--on-bad-sample [raise|skip]",
    "--control-samples N",
    "--raw-maps [float16|float32]",
    "--engine [auto|mindspore|onnxruntime]",
    "--device [cpu|cuda]",
    "--dry-run",
    "--shard INDEX/COUNT",
    "--workers N",
    "--ray [ADDRESS]",
    "--resume",
    "--traceback",
)


def test_the_help_of_run_explains_every_option(capsys, monkeypatch):
    text = help_of(capsys, monkeypatch, "run")
    lines = [line.strip() for line in text[text.index("Options:") : text.index("Example:")].splitlines()]
    for option in RUN_OPTIONS:
        (index,) = [index for index, line in enumerate(lines) if line.startswith(option)]
        assert lines[index] != option or not lines[index + 1].startswith("-"), f"{option} is not explained"
    named = {line.split()[0] for line in lines if line.startswith("--")}
    assert named == {option.split()[0] for option in RUN_OPTIONS}  # a new option belongs into this table
    for default in ("Gradient,GradCAM:layer=auto]", "softmax]", "224 224", "default: 3]", "default: 32]"):
        assert default in " ".join(text.split())


def test_the_help_of_run_has_an_example_and_the_exit_status(capsys, monkeypatch):
    text = help_of(capsys, monkeypatch, "run")
    for expected in (
        "Example:\n    explainer run --network mypackage.nets:resnet20 \\\n        --checkpoint resnet20.ckpt ",
        " --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 \\\n",
        "Exit status:\n    0    done\n    1    the run failed, what was finished stays\n    2    a wrong argument\n",
    ):
        assert expected in text


@pytest.mark.parametrize("arguments", [["--help"], ["inspect", "--help"], ["run", "--help"]])
def test_a_help_loads_nothing_that_it_has_no_use_for(arguments):
    """They take longer than all the rest."""
    script = "import atexit; atexit.register(lambda: print({'rich', 'scipy', 'mindspore'} & sys.modules.keys()))"
    with started(*arguments, script=script) as process:
        assert process.stdout.read().endswith("\nset()\n")


def test_the_version_is_the_packages(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"explainer {__version__}\n"


# ------------------------------------------------- wrong command lines


def test_without_a_command_the_help_is_shown_with_exit_status_2(capsys, monkeypatch):
    text = help_of(capsys, monkeypatch)
    assert main([]) == 2
    assert capsys.readouterr() == ("", text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspcet"], "No such command 'inspcet'"),
        (["--yaml"], "No such option"),
        (["inspect"], "Missing argument 'DIR'"),
        (["inspect", "a", "b"], "unexpected extra argument (b)"),
        (["inspect", "a", "--yaml"], "No such option"),
    ],
)
def test_a_wrong_command_line_has_exit_status_2_and_shows_the_usage(capsys, arguments, message):
    assert main(arguments) == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert error.startswith("Usage: explainer") and message in error


# ------------------------------------------------- exit statuses


@pytest.fixture
def reading(monkeypatch):
    """Makes reading a run raise an error."""
    module = importlib.import_module("explainer.command.inspect")

    def set_up(error: BaseException) -> None:
        def fail(folder: Path, **chosen: object) -> None:
            raise error

        monkeypatch.setattr(module, "run_and_facts", fail)

    return set_up


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SummaryReadError("found nothing"), 2),
        (ValueError("a value"), 2),
        (TypeError("a type"), 2),
        (LayerError("a layer"), 2),
        (BadSampleError("a NaN"), 1),
        (DatasetError("a file"), 1),
        (SummaryWriteError("a full disk"), 1),
        (OSError("a disk"), 1),
        (RuntimeError("a state"), 1),
    ],
)
def test_an_error_is_one_line_and_an_exit_status(reading, capsys, error, status):
    reading(error)
    assert main(["inspect", "anywhere"]) == status
    assert capsys.readouterr() == ("", f"explainer: {error}\n")


def test_an_error_that_nobody_foresaw_keeps_its_traceback(reading):
    reading(KeyError("a bug"))
    with pytest.raises(KeyError):
        main(["inspect", "anywhere"])


def test_an_interrupted_command_has_exit_status_130_and_no_traceback(reading, capsys):
    reading(KeyboardInterrupt())
    assert main(["inspect", "anywhere"]) == 130
    assert capsys.readouterr().err.strip() == "explainer: interrupted; what was finished stays"


def started(*arguments: object, script: str = "") -> subprocess.Popen[str]:
    """The command in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(Path(explainer.__file__).parents[1])}
    code = f"import sys\nfrom explainer.command.main import main\n{script}\nsys.exit(main())"
    call = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_reader_who_has_had_enough_gets_no_traceback(tmp_path, arguments):
    write_run(tmp_path)
    with started("inspect", tmp_path, *arguments) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


WAIT = """
import importlib, time
module = importlib.import_module("explainer.command.inspect")
module.run_and_facts = lambda folder, **chosen: (print(1, flush=True), time.sleep(60))
"""


def test_ctrl_c_ends_a_process_with_exit_status_130_and_no_traceback(tmp_path):
    with started("inspect", tmp_path, script=WAIT) as process:
        assert process.stdout.readline() == "1\n"
        time.sleep(0.1)  # from the print into the sleep
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.strip() == "explainer: interrupted; what was finished stays"
