"""Scripts written for mindspore.explainer run when their import lines are changed, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, nn, save_checkpoint

import explainer


class LeNet5(nn.Cell):
    """The network of the reference's examples: 32x32 pixels, `num_channel` channels, `num_class` logits."""

    def __init__(self, num_class: int = 10, num_channel: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_channel, 6, 5, pad_mode="valid")
        self.conv2 = nn.Conv2d(6, 16, 5, pad_mode="valid")
        self.fc1 = nn.Dense(16 * 5 * 5, 120)
        self.fc2 = nn.Dense(120, 84)
        self.fc3 = nn.Dense(84, num_class)
        self.relu = nn.ReLU()
        self.max_pool2d = nn.MaxPool2d(kernel_size=2, stride=2)
        self.flatten = nn.Flatten()

    def construct(self, x: Tensor) -> Tensor:
        x = self.max_pool2d(self.relu(self.conv1(x)))
        x = self.max_pool2d(self.relu(self.conv2(x)))
        x = self.flatten(x)
        return self.fc3(self.relu(self.fc2(self.relu(self.fc1(x)))))


def create_dataset_cifar10(batch_size: int):
    from mindspore.dataset import NumpySlicesDataset

    random = np.random.default_rng(5)
    images = random.random((4, 3, 32, 32), np.float32)
    return NumpySlicesDataset((images, np.array([3, 1, 4, 1], np.int32)), ["image", "label"]).batch(batch_size)


def test_the_runner_example_runs(tmp_path):
    checkpoint = tmp_path / "checkpoint.ckpt"
    save_checkpoint(LeNet5(10, num_channel=3), str(checkpoint))

    from mindspore import context
    from mindspore.nn import Softmax
    from mindspore.train.serialization import load_checkpoint, load_param_into_net

    from explainer import ImageClassificationRunner
    from explainer.explanation import Gradient, GuidedBackprop

    context.set_context(mode=context.PYNATIVE_MODE)
    net = LeNet5(10, num_channel=3)
    param_dict = load_checkpoint(str(checkpoint))
    load_param_into_net(net, param_dict)
    dataset = create_dataset_cifar10(1)
    labels = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    activation_fn = Softmax()
    gbp = GuidedBackprop(net)
    gradient = Gradient(net)
    explainers = [gbp, gradient]
    runner = ImageClassificationRunner(str(tmp_path / "summary_dir"), (dataset, labels), net, activation_fn)
    runner.register_saliency(explainers=explainers)
    runner.run()

    run = explainer.read_run(tmp_path / "summary_dir")
    assert run.ended
    assert sorted(sample.prediction.ground_truth for sample in run.samples.values()) == [(1,), (1,), (3,), (4,)]
    assert {entry.explainer for entry in run.samples[0].maps} == {"GuidedBackprop", "Gradient"}


@pytest.mark.parametrize("name", ["Deconvolution", "GradCAM", "Gradient", "GuidedBackprop", "Occlusion", "RISE"])
def test_the_example_of_each_explainer_gives_the_documented_shape(name):
    import mindspore as ms

    from explainer import explanation

    net = LeNet5(10, num_channel=3)
    softmax = {"activation_fn": ms.nn.Softmax()}
    arguments = {"GradCAM": {"layer": "conv2"}, "Occlusion": softmax, "RISE": softmax}.get(name, {})
    method = getattr(explanation, name)(net, **arguments)
    inputs = ms.Tensor(np.random.rand(1, 3, 32, 32), ms.float32)
    label = 5
    saliency = method(inputs, label)
    assert isinstance(saliency, ms.Tensor)
    assert saliency.shape == (1, 1, 32, 32)


def test_the_example_of_two_images_with_a_label_each_runs():
    import mindspore as ms

    from explainer.explanation import RISE

    net = LeNet5(10, num_channel=3)
    activation_fn = ms.nn.Softmax()
    rise = RISE(net, activation_fn, 256)
    inputs = ms.Tensor(np.random.rand(2, 3, 32, 32), ms.float32)
    targets = ms.Tensor([[5], [1]], ms.int32)
    saliency = rise(inputs, targets)
    assert saliency.shape == (2, 1, 32, 32)
    for place, label in enumerate([5, 1]):
        one = rise(inputs[place : place + 1], label).asnumpy()
        np.testing.assert_allclose(saliency[place : place + 1].asnumpy(), one, rtol=1e-5)  # batches cut elsewhere
