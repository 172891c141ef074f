"""The demonstration behind `scripts/demo`: real handwritten digits, a small network, and its explanations.

The digits are scikit-learn's (8x8 pixels, by 43 writers), scaled up and placed on larger pictures full of clutter,
so that the box round each digit is known to the pixel. Nothing is downloaded.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import mindspore
import numpy as np
from mindspore import Tensor, nn, ops
from mindspore.dataset import GeneratorDataset
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits
from tqdm import trange

from explainer import ImageClassificationRunner, RunOptions, write_report
from explainer.benchmark import Faithfulness, Localization, Metric
from explainer.command.main import main as explainer_command
from explainer.explanation import RISE, Attribution, Deconvolution, GradCAM, Gradient, GuidedBackprop, Occlusion

LABELS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
MEAN = (0.5, 0.5, 0.5)
STD = (0.25, 0.25, 0.25)
PAPER = tuple(-mean / std for mean, std in zip(MEAN, STD, strict=True))
"""Black, where canvases are dark."""
SIDE = 64
"""Height and width of a canvas in pixels."""

ACCURACY_NEEDED = 0.95
TEST_CANVASES = 500
TEST_DIGITS = 500
TRAINING_SIDE = 44
"""Training canvases are small: the digit fills most of them, so it is learnt far sooner and each step costs less."""
TRAINING_CANVASES = 5000
TRAINING_STEPS = 450
TRAINING_BATCH = 32
PEAK_LEARNING_RATE = 8e-3
SPLIT_SEED, TRAINING_SEED, TEST_SEED = 1, 2, 3

ROOT = Path(__file__).resolve().parents[1]
Floats = NDArray[np.float32]
Integers = NDArray[np.int32]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, after an explained run lies in the summary directory and its contents are on the screen."""
    options = parse_arguments(arguments)
    training_digits, test_digits = split_digits()
    test_canvases = draw_canvases(test_digits, range(TEST_CANVASES), TEST_SEED)
    network = prepare_network(training_digits, test_canvases, options.cache_dir / "digit_net.ckpt", options.retrain)
    print(f"Test accuracy: {accuracy(network, test_canvases):.1%} of {TEST_CANVASES} canvases never trained on")
    summary_dir = explain(network, draw_canvases(test_digits, range(options.samples), TEST_SEED), options.summary_dir)
    explainer_command(["inspect", str(summary_dir)])
    page = write_report(summary_dir).path
    print_next_steps(summary_dir, page)
    return 0


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line: summary_dir, cache_dir, samples, retrain."""
    parser = argparse.ArgumentParser(description="Train a digit classifier on the CPU and explain its answers.")
    parser.add_argument(
        "--summary-dir", type=Path, default=ROOT / "summary_dir" / "digits", help="where the run is written"
    )
    parser.add_argument("--cache-dir", type=Path, default=ROOT / ".cache", help="where the trained network is kept")
    parser.add_argument("--samples", type=positive, default=100, help="how many canvases to explain (default 100)")
    parser.add_argument("--retrain", action="store_true", help="train even if a trained network is in the cache")
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    """The whole number in `text`, at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def explain(network: "DigitNet", canvases: "Canvases", summary_dir: Path) -> Path:
    """The directory that holds the finished run: six explainers scored by three metrics, regions, and uncertainty."""
    dataset = as_dataset(canvases).batch(16)
    options = RunOptions(mean=MEAN, std=STD)
    runner = ImageClassificationRunner(str(summary_dir), (dataset, LABELS), network, nn.Softmax(), options=options)
    runner.register_saliency(make_explainers(network), make_metrics())
    # Digits are small: windows down to 8 pixels, and a blur in which they cannot be read.
    runner.register_hierarchical_occlusion(win_sizes=[32, 16, 8], strides=[6, 3, 2], mask="gaussian:6")
    runner.register_uncertainty()
    return Path(runner.run().summary_dir)


def make_explainers(network: "DigitNet") -> list[Attribution]:
    """The six methods, the last two with coarser settings than their defaults: a demo should not take ten minutes."""
    return [
        Gradient(network),
        Deconvolution(network),
        GuidedBackprop(network),
        GradCAM(network, layer="auto"),
        Occlusion(network, nn.Softmax(), window=8, stride=4, fill=PAPER),
        RISE(network, nn.Softmax(), masks=1000, grid=8, fill=PAPER),
    ]


def make_metrics() -> list[Metric]:
    """Whether the network needs what the maps show, and whether they show the digit, whose box is known."""
    labels = len(LABELS)
    return [
        Faithfulness(labels, nn.Softmax(), "DeletionAUC", steps=16, fill=PAPER),
        Localization(labels, "PointingGame"),
        Localization(labels, "IoSR"),
    ]


def print_next_steps(summary_dir: Path, page: Path) -> None:
    """Prints what to look at, and the commands that look deeper."""
    pictures = sum(path.suffix in (".png", ".jpg") for path in summary_dir.rglob("*"))
    print(f"""
{pictures} picture files (canvases and heat maps) lie under {summary_dir}; any image viewer opens them.
All of it, side by side, is on one page; open it in a browser:
  {page.resolve().as_uri()}
Next, try:
  explainer report {summary_dir} --to digits.html --detail none
  explainer inspect {summary_dir} --metric IoSR --worst 5
  scripts/check_mindinsight {summary_dir.parent}
  mindinsight start --summary-base-dir {summary_dir.parent}    # in an environment of its own""")


# The data: a digit on a cluttered canvas.


@dataclass(frozen=True)
class Digits:
    """Source digits: grey (N, 8, 8) float32 in [0, 1], 1 = ink; labels (N,) int32."""

    grey: Floats
    labels: Integers


@dataclass(frozen=True)
class Canvases:
    """Pictures with one digit each.

    images (N, 3, side, side) float32, normalised by MEAN and STD; labels (N,) int32; boxes (N, 1, 4) float32, the
    x, y, width and height in pixels of the ink: no row or column of the box is without ink, and none is outside.
    """

    images: Floats
    labels: Integers
    boxes: Floats


def as_dataset(canvases: Canvases) -> GeneratorDataset:
    """The canvases in order, unbatched, with the columns image, label and bbox."""
    # Labels as 0-d arrays: with numpy 2, MindSpore 2.10 refuses numpy scalars.
    rows = list(zip(canvases.images, map(np.asarray, canvases.labels), canvases.boxes, strict=True))
    return GeneratorDataset(rows, ["image", "label", "bbox"], shuffle=False)


def split_digits() -> tuple[Digits, Digits]:
    """The digits to train on and the TEST_DIGITS to test on, in an order that is always the same."""
    source = load_digits()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(source.images))
    grey = (source.images[order] / 16).astype(np.float32)
    labels = source.target[order].astype(np.int32)
    cut = len(order) - TEST_DIGITS
    return Digits(grey[:cut], labels[:cut]), Digits(grey[cut:], labels[cut:])


def draw_canvases(digits: Digits, indices: Sequence[int], seed: int, side: int = SIDE) -> Canvases:
    """One canvas for each index; a canvas depends on the digits, its index and the seed only.

    Canvas i shows digit i, and after the last digit the first one again, on another background.
    """
    drawn = [draw_canvas(digits, index, np.random.default_rng([seed, index]), side) for index in indices]
    pictures, boxes = zip(*drawn, strict=True)
    images = (np.stack(pictures) - np.float32(MEAN)) / np.float32(STD)
    labels = digits.labels[np.asarray(indices) % len(digits.labels)]
    channels_first = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return Canvases(channels_first, labels, np.asarray(boxes, np.float32)[:, None])


def draw_canvas(digits: Digits, index: int, random: np.random.Generator, side: int) -> tuple[Floats, tuple[int, ...]]:
    """A picture (side, side, 3) in [0, 1] with digit number `index`, and the box x, y, width, height of its ink."""
    stencil = digit_stencil(digits.grey[index % len(digits.grey)], random)
    box = place(stencil.shape, side, random)
    paper, ink = draw_colours(random)
    picture = draw_paper(paper, side, random)
    draw_fragments(picture, digits, box, ink, random)
    paint(picture, stencil, box[:2], ink)
    picture += random.normal(0, 0.02, picture.shape)
    return picture.clip(0, 1), box


def digit_stencil(grey: Floats, random: np.random.Generator) -> Floats:
    """How much ink lies where, (height, width) in [0, 1], cut to the ink; the 8 rows become 26 to 34 pixels."""
    side = round(int(random.integers(26, 35)) * 10 / 8)
    framed = Image.fromarray(np.pad(grey, 1), mode="F")
    smooth = np.asarray(framed.resize((side, side), Image.Resampling.BICUBIC))
    ink = ((smooth - 0.25) / 0.4).clip(0, 1)
    rows, columns = np.flatnonzero(ink.max(1) > 0.25), np.flatnonzero(ink.max(0) > 0.25)
    return np.where(ink > 0.25, ink, 0)[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def place(shape: tuple[int, ...], side: int, random: np.random.Generator) -> tuple[int, int, int, int]:
    """A box x, y, width, height of that shape (height, width), anywhere on the canvas."""
    height, width = shape
    x, y = random.integers(0, side - width + 1), random.integers(0, side - height + 1)
    return int(x), int(y), width, height


def draw_colours(random: np.random.Generator) -> tuple[Floats, Floats]:
    """The colours (3,) of paper and ink in [0, 1]: light ink on dark paper."""
    return random.uniform(0, 0.25, 3), random.uniform(0.7, 1, 3)


def draw_paper(colour: Floats, side: int, random: np.random.Generator) -> Floats:
    """A picture (side, side, 3): uneven paper with strokes and blobs, all nearer to the paper's colour than to ink."""
    patches = (colour + random.uniform(-0.12, 0.12, (3, 3, 3))).clip(0, 1) * 255
    # Drawn twice as large, then reduced, for smooth edges.
    paper = Image.fromarray(patches.astype(np.uint8)).resize((2 * side, 2 * side), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(paper)
    for _ in range(random.integers(2, 6)):
        stroke = [tuple(point) for point in random.uniform(-10, 2 * side + 10, (3, 2))]
        pen.line(stroke, clutter_colour(colour, random), width=int(random.integers(2, 7)), joint="curve")
    for _ in range(random.integers(1, 4)):
        pen.circle(tuple(random.uniform(0, 2 * side, 2)), random.uniform(4, 14), clutter_colour(colour, random))
    return np.asarray(paper.reduce(2), np.float32) / 255


def clutter_colour(paper: Floats, random: np.random.Generator) -> tuple[int, ...]:
    """A colour, 0 to 255 in each channel, about a third of the way from the paper to any colour."""
    mixed = paper + random.uniform(0.2, 0.4) * (random.uniform(0, 1, 3) - paper)
    return tuple(int(255 * channel) for channel in mixed)


def draw_fragments(
    picture: Floats, digits: Digits, box: tuple[int, ...], ink: Floats, random: np.random.Generator
) -> None:
    """Paints up to two pieces of other digits, each too small to be read, where they do not touch the box."""
    for _ in range(2):
        stencil = digit_stencil(digits.grey[random.integers(len(digits.grey))], random)
        top, left = random.integers(max(stencil.shape[0] - 7, 1)), random.integers(max(stencil.shape[1] - 7, 1))
        piece = stencil[top : top + 8, left : left + 8]
        spot = place(piece.shape, len(picture), random)
        if not boxes_touch(spot, box):
            paint(picture, 0.8 * piece, spot[:2], ink)


def boxes_touch(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether less than 2 pixels lie between two boxes x, y, width, height."""
    return all(
        one[axis] < other[axis] + other[axis + 2] + 2 and other[axis] < one[axis] + one[axis + 2] + 2 for axis in (0, 1)
    )


def paint(picture: Floats, stencil: Floats, corner: tuple[int, ...], ink: Floats) -> None:
    """Mixes the ink into the picture where the stencil says; `corner` is x, y."""
    x, y = corner
    area = picture[y : y + stencil.shape[0], x : x + stencil.shape[1]]
    area += stencil[..., None] * (ink - area)


# The network.


class DigitNet(nn.Cell):
    """Logits (N, 10) of canvases (N, 3, 64, 64); `conv4` sees 8x8 places, each with the digit's whole surroundings."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1, self.relu1 = convolution(3, 16, 5, stride=2), nn.BatchNorm2d(16), nn.ReLU()
        self.conv2, self.norm2, self.relu2 = convolution(16, 32, 3), nn.BatchNorm2d(32), nn.ReLU()
        self.conv3, self.norm3, self.relu3 = convolution(32, 64, 3), nn.BatchNorm2d(64), nn.ReLU()
        self.conv4, self.norm4, self.relu4 = convolution(64, 64, 3), nn.BatchNorm2d(64), nn.ReLU()
        self.pool1, self.pool2 = nn.MaxPool2d(2, 2), nn.MaxPool2d(2, 2)
        self.dropout = nn.Dropout(p=0.3)
        self.dense = nn.Dense(64, len(LABELS))

    def construct(self, images: Tensor) -> Tensor:
        """Logits (N, 10)."""
        features = self.pool1(self.relu1(self.norm1(self.conv1(images))))
        features = self.pool2(self.relu2(self.norm2(self.conv2(features))))
        features = self.relu3(self.norm3(self.conv3(features)))
        features = self.relu4(self.norm4(self.conv4(features)))
        return self.dense(self.dropout(ops.amax(features, (2, 3))))


def convolution(channels_in: int, channels_out: int, window: int, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size, or divides it by `stride`; the batch norm after it is its bias."""
    return nn.Conv2d(channels_in, channels_out, window, stride, pad_mode="same", weight_init="he_uniform")


def prepare_network(digits: Digits, test: Canvases, checkpoint: Path, retrain: bool) -> DigitNet:
    """The trained network, from the checkpoint if that is good, else trained now and saved there."""
    network = None if retrain else load_network(checkpoint, test)
    if network is None:
        network = train(digits)
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        mindspore.save_checkpoint(network, str(checkpoint))
    return network


def load_network(checkpoint: Path, test: Canvases) -> DigitNet | None:
    """The network of the checkpoint; None if there is none, it is damaged, or it answers too badly."""
    network = DigitNet().set_train(False)
    if not checkpoint.exists():
        return None
    try:
        mindspore.load_checkpoint(str(checkpoint), network, strict_load=True)
    except (ValueError, RuntimeError) as error:
        print(f"{checkpoint} cannot be used ({error}); training again")
        return None
    return network if accuracy(network, test) >= ACCURACY_NEEDED else None


def train(digits: Digits) -> DigitNet:
    """A network trained on canvases of these digits; about half a minute on two quiet cores."""
    mindspore.set_seed(TRAINING_SEED)
    canvases = draw_canvases(digits, range(TRAINING_CANVASES), TRAINING_SEED, TRAINING_SIDE)
    network = DigitNet().set_train(True)
    rates = nn.cosine_decay_lr(1e-5, PEAK_LEARNING_RATE, TRAINING_STEPS, 1, TRAINING_STEPS)
    step = training_step(network, nn.Adam(network.trainable_params(), rates))
    for number in trange(TRAINING_STEPS, desc="training", unit="step", disable=None):
        batch = np.arange(number * TRAINING_BATCH, (number + 1) * TRAINING_BATCH) % TRAINING_CANVASES
        step(Tensor(canvases.images[batch]), Tensor(canvases.labels[batch]))
    return network.set_train(False)


def training_step(network: DigitNet, optimizer: nn.Cell) -> Callable[[Tensor, Tensor], Tensor]:
    """A compiled function that takes images and labels, changes the weights and gives the loss."""
    loss = nn.CrossEntropyLoss()

    def forward(images: Tensor, labels: Tensor) -> Tensor:
        return loss(network(images), labels)

    backward = mindspore.value_and_grad(forward, None, optimizer.parameters)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        value, gradients = backward(images, labels)
        optimizer(gradients)
        return value

    return mindspore.jit(step)


def accuracy(network: nn.Cell, canvases: Canvases) -> float:
    """The fraction of the canvases whose largest logit is at the right label."""
    batches = np.array_split(canvases.images, max(len(canvases.images) // 100, 1))
    answers = np.concatenate([network(Tensor(batch)).asnumpy().argmax(1) for batch in batches])
    return float((answers == canvases.labels).mean())


if __name__ == "__main__":
    raise SystemExit(main())
