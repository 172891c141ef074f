"""From a user's picture, of whatever kind, to the images of a network, and back."""

import json

import numpy as np
import pytest
from mindspore import Tensor
from PIL import Image

from explainer import Preprocess

MEAN, STD = (0.5, 0.25, 0.125), (0.25, 0.5, 0.75)
HEIGHT, WIDTH = 5, 7
PIXELS = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
IMAGE = ((PIXELS / 255 - MEAN) / STD).transpose(2, 0, 1)
PREPROCESS = Preprocess((HEIGHT, WIDTH), mean=MEAN, std=STD)

close = lambda given, expected: np.testing.assert_allclose(given, expected, rtol=0, atol=2e-6)  # noqa: E731 - float32


# ---- what is taken ----


@pytest.mark.parametrize("kind", [np.asarray, Image.fromarray, Tensor], ids=["array", "PIL", "Tensor"])
def test_a_picture_becomes_one_image_in_a_batch(kind):
    images = PREPROCESS(kind(PIXELS))
    assert (images.dtype, images.shape) == (np.float32, (1, 3, HEIGHT, WIDTH))
    close(images[0], IMAGE)


@pytest.mark.parametrize("kind", [np.asarray, Tensor, list, tuple], ids=["array", "Tensor", "list", "tuple"])
def test_several_pictures_become_a_batch_in_their_order(kind):
    close(
        PREPROCESS(kind(np.stack([PIXELS, 255 - PIXELS]))),
        np.stack([IMAGE, ((1 - PIXELS / 255 - MEAN) / STD).T.swapaxes(1, 2)]),
    )


def test_a_list_may_hold_pictures_of_every_kind_and_size(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "one.png")
    large = Image.fromarray(PIXELS).resize((WIDTH * 3, HEIGHT * 2), Image.Resampling.NEAREST)
    images = PREPROCESS([tmp_path / "one.png", str(tmp_path / "one.png"), Image.fromarray(PIXELS), large])
    assert images.shape == (4, 3, HEIGHT, WIDTH)
    for image in images[:3]:
        close(image, IMAGE)
    assert np.abs(images[3] - IMAGE).max() > 0.01  # another picture, by interpolation


def test_grey_becomes_colour_and_colour_grey():
    grey = PIXELS[..., 0]
    for given in (grey, grey[..., None], Image.fromarray(grey)):
        close(Preprocess((HEIGHT, WIDTH))(given)[0], np.stack([grey / 255] * 3))
    luma = np.asarray(Image.fromarray(PIXELS).convert("L")) / 255
    close(Preprocess((HEIGHT, WIDTH), channels=1)(PIXELS)[0], luma[None])


def test_transparency_is_laid_over_white():
    clear = np.concatenate([PIXELS, np.zeros((HEIGHT, WIDTH, 1), np.uint8)], axis=2)
    close(Preprocess((HEIGHT, WIDTH))(clear), np.ones((1, 3, HEIGHT, WIDTH)))


def test_a_photograph_is_turned_upright_and_the_users_picture_stays_as_it_is(tmp_path):
    lying = Image.fromarray(PIXELS)
    exif = lying.getexif()
    exif[0x0112] = 6  # turn a quarter clockwise
    lying.save(tmp_path / "lying.png", exif=exif)
    upright = np.rot90(PIXELS, -1)
    with Image.open(tmp_path / "lying.png") as photo:
        for given in (tmp_path / "lying.png", photo):
            close(Preprocess((WIDTH, HEIGHT))(given)[0], upright.transpose(2, 0, 1) / 255)
        assert (photo.size, photo.getexif()[0x0112]) == ((WIDTH, HEIGHT), 6)


def test_sixteen_bits_are_kept_in_full():
    deep = np.array([[0, 300, 65535]], np.uint16)
    close(Preprocess((1, 3), channels=1)(Image.fromarray(deep))[0, 0], deep / 65535)


def test_a_picture_is_scaled_and_cut():
    cut = Preprocess((2, 4), resize=(HEIGHT, WIDTH), center_crop=True)(PIXELS)
    close(cut[0], PIXELS[2:4, 2:6].transpose(2, 0, 1) / 255)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (PIXELS / 255, TypeError, r"arrays of uint8, got dtype float64: whether 1 or 255 is white is not"),
        (Tensor(IMAGE.astype(np.float32)), TypeError, r"got dtype float32: .* \(pixels \* 255\).astype"),
        ([None], TypeError, r"got dtype object"),
        (PIXELS.transpose(2, 0, 1), ValueError, r"channels last, .*got shape \(3, 5, 7\); .*np.moveaxis"),
        (PIXELS[..., :2], ValueError, r"\(H, W, C\) of 1, 3 or 4 channels each, got shape \(5, 7, 2\)"),
        (PIXELS[:0], ValueError, r"got shape \(0, 7, 3\)"),
        ([PIXELS[None]], ValueError, r"got shape \(1, 5, 7, 3\)"),
        ([], ValueError, "`pictures` must hold a picture at least, got none"),
        (PIXELS[None][:0], ValueError, "`pictures` must hold a picture at least, got none"),
        ("nowhere.png", ValueError, "could not read the picture nowhere.png: No such file"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused_with_what_to_do(given, error, message):
    with pytest.raises(error, match=message):
        PREPROCESS(given)


# ---- and back ----


def test_the_way_back_gives_the_pixels():
    np.testing.assert_array_equal(PREPROCESS.to_pixels(PREPROCESS(PIXELS)), PIXELS[None])
    np.testing.assert_array_equal(PREPROCESS.to_pixels(PREPROCESS(PIXELS)[0]), PIXELS)
    np.testing.assert_array_equal(PREPROCESS.to_pixels(Tensor(PREPROCESS(PIXELS))), PIXELS[None])
    grey = Preprocess((HEIGHT, WIDTH), channels=1, mean=0.3, std=0.7)
    np.testing.assert_array_equal(grey.to_pixels(grey(PIXELS[..., 1])), PIXELS[None, ..., 1])


@pytest.mark.parametrize("shape", [(1, 5, 7), (2, 1, 5, 7), (5, 7), (5, 7, 3), (0, 3, 5, 7)])
def test_images_of_other_axes_have_no_pictures(shape):
    with pytest.raises(ValueError, match=r"`images` must have axes \(N, 3, H, W\) or \(3, H, W\), got shape"):
        PREPROCESS.to_pixels(np.zeros(shape, np.float32))


# ---- settings ----


def test_mean_and_std_above_1_are_of_pixels_up_to_255():
    deep = Preprocess((HEIGHT, WIDTH), mean=[255 * value for value in MEAN], std=[255 * value for value in STD])
    close(deep(PIXELS)[0], IMAGE)
    close(deep.mean, MEAN)
    raw = Preprocess((HEIGHT, WIDTH), std=1 / 255)  # a network that takes 0..255
    np.testing.assert_allclose(raw(PIXELS)[0], PIXELS.transpose(2, 0, 1), rtol=1e-6)


def test_presets_are_these():
    imagenet = Preprocess.imagenet()
    assert (imagenet.size, imagenet.resize, imagenet.center_crop) == ((224, 224), 256, True)
    assert (imagenet.mean, imagenet.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert (Preprocess.imagenet(288).size, Preprocess.imagenet(288).resize) == ((288, 288), 329)
    cifar = Preprocess.cifar()
    assert (cifar.size, cifar.resize, cifar.center_crop) == ((32, 32), None, False)
    assert (cifar.mean, cifar.std) == ((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616))


def test_one_number_is_both_sides_and_what_is_recorded_is_json():
    preprocess = Preprocess(6, resize=[8, 9], center_crop=True, mean=0.5)
    assert (preprocess.size, preprocess.resize, preprocess.image_shape) == ((6, 6), (8, 9), (3, 6, 6))
    assert json.loads(json.dumps(preprocess.recorded)) == {
        "size": [6, 6],
        "channels": 3,
        "mean": [0.5],
        "std": [1.0],
        "resize": [8, 9],
        "center_crop": True,
    }


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"size": 0}, ValueError, "`size` must be at least 1, got 0"),
        ({"size": (6.5, 7)}, TypeError, r"`size\[0\]` must be a whole number, got float 6.5"),
        ({"channels": 4}, ValueError, "`channels` must be 1 for grey or 3 for colour, got 4"),
        ({"mean": [0.5, 0.5]}, ValueError, "`mean` must have 1 or 3 values for images of 3 channels, got 2"),
        ({"std": [1, 1, 1], "channels": 1}, ValueError, "`std` must have 1 or 1 values for images of 1 channel"),
        ({"std": 0}, ValueError, "`std` must be positive in every channel, got 0"),
        ({"mean": None}, ValueError, "`mean` and `std` must be given together"),
        ({"resize": 8}, ValueError, "`resize` goes with `center_crop`, got 8 alone"),
        ({"resize": 5, "center_crop": True}, ValueError, r"`resize` must cover `size`, \(6, 6\)"),
        ({"resize": "8", "center_crop": True}, TypeError, "`resize` must be a whole number, got str '8'"),
        ({"center_crop": 1}, TypeError, "`center_crop` must be True or False, got 1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(given, error, message):
    with pytest.raises(error, match=message):
        Preprocess(**{"size": 6, **given})
