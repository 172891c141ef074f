"""One picture file: the image that it becomes, whatever its kind; what is refused, and why."""

import struct

import numpy as np
import pytest
from photo_runs import HEIGHT, WIDTH, pixels_of, png_of
from PIL import EpsImagePlugin, Image

from explainer.data.framing import Framing
from explainer.data.picture_file import ENDINGS, FORMATS, Decoding, notes_on, pixel_cap, read_picture

ONE_STEP = 1 / 255
FLOAT32 = 1e-6


@pytest.fixture
def read(tmp_path):
    """Saves a picture and reads it again: its content."""

    def save_and_read(image, name="one.png", channels=3, decoding=None, **how):
        image.save(tmp_path / name, **how)
        return read_picture(tmp_path / name, channels, Framing((HEIGHT, WIDTH)), decoding)

    return save_and_read


@pytest.fixture
def why_not(tmp_path):
    """Why bytes are refused as a picture."""

    def told(content, name="one.png", decoding=None):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError) as caught:
            read_picture(tmp_path / name, 3, Framing((HEIGHT, WIDTH)), decoding)
        start = f"could not read the picture {tmp_path / name}: "
        assert str(caught.value).startswith(start) and "\n" not in str(caught.value)
        return str(caught.value).removeprefix(start)

    return told


def shown(content):
    """The image of a content, (H, W, C)."""
    return content.image.transpose(1, 2, 0)


def deep_colour(pixels):
    """A PNG file of 16 bits for each of three channels, which Pillow cannot write; pixels (H, W, 3) uint16."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png_of((pixels.shape[1], pixels.shape[0], 16, 2), rows)


# ---- colours ----


def test_a_picture_is_its_pixels_between_0_and_1_channels_first(read):
    content = read(Image.fromarray(pixels_of(1)))
    assert (content.image.dtype, content.image.shape) == (np.float32, (3, HEIGHT, WIDTH))
    assert content.image.flags.c_contiguous
    np.testing.assert_allclose(shown(content), pixels_of(1) / 255, atol=FLOAT32)
    assert (content.has_more_frames, content.deep_peak, content.is_cut) == (False, None, False)


def test_one_channel_is_the_grey_of_colours(read):
    image = read(Image.fromarray(pixels_of(1)), channels=1).image
    assert image.shape == (1, HEIGHT, WIDTH)
    grey = pixels_of(1) @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
    np.testing.assert_allclose(image[0] * 255, grey, atol=1)  # Pillow's integers round


def test_a_grey_picture_has_three_equal_channels(read):
    grey = pixels_of(5, HEIGHT, WIDTH)
    np.testing.assert_allclose(read(Image.fromarray(grey)).image, np.stack([grey / 255] * 3), atol=FLOAT32)


def test_a_palette_picture_has_the_colours_of_its_palette(read):
    indices = pixels_of(6, HEIGHT, WIDTH) % 4
    palette = np.array([[250, 0, 10], [0, 200, 30], [5, 6, 7], [255, 255, 255]], np.uint8)
    image = Image.fromarray(indices).convert("P")
    image.putdata(indices.ravel().tolist())
    image.putpalette(palette.ravel().tolist())
    np.testing.assert_allclose(shown(read(image)), palette[indices] / 255, atol=FLOAT32)


def test_a_cmyk_picture_has_the_colours_of_its_inks(read):
    inks = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    inks[...] = 0, 255, 255, 0  # magenta and yellow: red
    picture = shown(read(Image.fromarray(inks, "CMYK"), "cmyk.jpg"))
    np.testing.assert_allclose(picture, np.broadcast_to([1, 0, 0], picture.shape), atol=4 * ONE_STEP)  # JPEG is lossy


def test_a_bitmap_is_black_and_white(read):
    bits = pixels_of(9, HEIGHT, WIDTH) > 127
    np.testing.assert_array_equal(shown(read(Image.fromarray(bits), "bits.bmp"))[:, :, 1], bits)


def test_pictures_are_resized_to_height_and_width_and_not_turned(read):
    gradient = np.linspace(0, 255, 24).astype(np.uint8)
    image = shown(read(Image.fromarray(np.repeat(gradient[:, None], 18, axis=1))))  # dark at the top
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert (np.diff(image[:, 0, 0]) > 20 * ONE_STEP).all()  # 255 / 6 rows per step
    assert np.ptp(image, axis=1).max() == 0


# ---- transparency ----


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_transparent_is_laid_over_white(read, channels):
    pixels = pixels_of(7, HEIGHT, WIDTH, 4)
    pixels[:, 0, 3], pixels[:, 1, 3] = 0, 255
    alpha = pixels[:, :, 3:] / 255
    over_white = alpha * pixels[:, :, :3] / 255 + (1 - alpha)
    grey = over_white @ np.array([[0.299], [0.587], [0.114]])  # ITU-R 601
    image = shown(read(Image.fromarray(pixels), channels=channels))
    np.testing.assert_allclose(image, over_white if channels == 3 else grey, atol=1.5 * ONE_STEP)  # integers round
    assert (image[:, 0] == 1).all()  # whatever colour lies under it


def test_grey_with_alpha_is_laid_over_white(read):
    pixels = pixels_of(8, HEIGHT, WIDTH, 2)
    alpha = pixels[:, :, 1] / 255
    expected = alpha * pixels[:, :, 0] / 255 + (1 - alpha)
    np.testing.assert_allclose(read(Image.fromarray(pixels, "LA")).image[0], expected, atol=1.5 * ONE_STEP)


@pytest.mark.parametrize("name", ["one.png", "one.gif"])
def test_the_transparent_colour_of_a_palette_is_white(read, name):
    indices = pixels_of(6, HEIGHT, WIDTH) % 3
    palette = np.array([[250, 0, 10], [0, 200, 30], [5, 6, 7]], np.uint8)
    image = Image.fromarray(indices, "P")
    image.putpalette(palette.ravel().tolist())
    palette[2] = 255
    np.testing.assert_allclose(shown(read(image, name, transparency=2)), palette[indices] / 255, atol=FLOAT32)


# ---- orientation ----

UPRIGHT = {  # what EXIF says of the first row and the first column of what is stored
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize(("name", "how"), [("a.png", {}), ("a.webp", {"lossless": True}), ("a.tiff", {})])
def test_a_picture_is_turned_upright_as_its_orientation_says(read, orientation, name, how):
    shape = (HEIGHT, WIDTH, 3) if orientation < 5 else (WIDTH, HEIGHT, 3)
    stored = pixels_of(4, *shape)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = shown(read(Image.fromarray(stored), name, exif=exif, **how))
    np.testing.assert_allclose(image, UPRIGHT[orientation](stored) / 255, atol=FLOAT32)


def test_a_photo_of_a_phone_held_upright_is_upright(read):
    stored = np.zeros((18, 12, 3), np.uint8)
    stored[:, 8:] = 255  # light at the right: with the orientation 8, at the top
    exif = Image.Exif()
    exif[0x0112] = 8
    image = shown(read(Image.fromarray(stored), "phone.jpg", exif=exif, quality=95))
    assert image[0].min() > 0.95 and image[-1].max() < 0.05


# ---- formats ----


def test_every_format_has_its_endings():
    assert set(ENDINGS) >= {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


@pytest.mark.parametrize("name", ["a.bmp", "a.tif", "a.tiff", "a.png"])
def test_a_lossless_format_has_every_pixel(read, name):
    np.testing.assert_allclose(shown(read(Image.fromarray(pixels_of(2)), name)), pixels_of(2) / 255, atol=FLOAT32)


@pytest.mark.skipif("AVIF" not in FORMATS, reason="this Pillow has no AVIF")
def test_an_avif_has_its_colours(read):
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:, :5] = 200, 40, 90
    image = shown(read(Image.fromarray(pixels), "a.avif", quality=100, subsampling="4:4:4"))
    np.testing.assert_allclose(image, pixels / 255, atol=4 * ONE_STEP)  # its colours are rounded twice


@pytest.mark.parametrize("name", ["a.gif", "a.tiff", "a.webp", "a.png"])
def test_of_an_animation_and_of_pages_it_is_the_first(read, name):
    flat = [np.full((HEIGHT, WIDTH, 3), grey, np.uint8) for grey in (30, 200)]
    first, second = map(Image.fromarray, flat)
    how = {"lossless": True} if name == "a.webp" else {}
    content = read(first, name, save_all=True, append_images=[second], **how)
    np.testing.assert_allclose(content.image, 30 / 255, atol=FLOAT32)
    assert content.has_more_frames
    assert not read(first, name, **how).has_more_frames


def test_the_second_picture_of_a_camera_s_jpeg_is_no_frame(read):
    first, second = (Image.fromarray(np.full((HEIGHT, WIDTH, 3), grey, np.uint8)) for grey in (30, 200))
    content = read(first, "a.jpg", format="MPO", save_all=True, append_images=[second])
    np.testing.assert_allclose(content.image, 30 / 255, atol=ONE_STEP)  # JPEG is lossy
    assert not content.has_more_frames


def test_postscript_that_is_called_png_starts_no_program(why_not, monkeypatch):
    started = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *given, **more: started.append(given))
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 6\n%%EndComments\nshowpage\n%%EOF\n"
    assert why_not(postscript).startswith("it is none of ")
    assert started == []


@pytest.mark.parametrize("kind", ["ICO", "PPM", "TGA", "PCX", "JPEG2000"])
def test_a_decoder_outside_the_list_does_not_run_whatever_the_name_says(tmp_path, why_not, kind):
    Image.fromarray(pixels_of(2)).save(tmp_path / "other", format=kind)
    assert why_not((tmp_path / "other").read_bytes()) == f"it is none of {', '.join(FORMATS)}, or damaged"


# ---- 16 bits ----


@pytest.mark.parametrize("name", ["deep.png", "deep.tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_grey_of_16_bits_is_divided_by_65535(read, name, channels):
    deep = pixels_of(8, HEIGHT, WIDTH, kind=np.uint16)
    deep[0, :2] = 40_000, 40_001  # one and the same in 8 bits
    content = read(Image.fromarray(deep), name, channels)
    np.testing.assert_allclose(content.image, np.stack([deep / 65_535] * channels), atol=FLOAT32)
    assert content.image[0, 0, 1] > content.image[0, 0, 0]
    assert (content.deep_peak, content.is_cut) == (deep.max(), False)


def test_grey_of_16_bits_is_turned_and_resized(read):
    column = np.linspace(0, 65_535, 2 * WIDTH).astype(np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    image = read(Image.fromarray(np.repeat(column[::-1, None], 2 * HEIGHT, axis=1)), exif=exif).image
    means = column.reshape(WIDTH, 2).mean(axis=1) / 65_535
    np.testing.assert_allclose(image[1, :, 1:-1], np.tile(means[1:-1], (HEIGHT, 1)), atol=1e-5)  # a line stays one


def test_data_of_12_bits_is_divided_by_4095_when_told(read):
    values = pixels_of(8, HEIGHT, WIDTH, kind=np.uint16) // 16
    image = read(Image.fromarray(values), decoding=Decoding(bits=12)).image
    np.testing.assert_allclose(image[2], values / 4095, atol=FLOAT32)


def test_values_that_do_not_fit_the_bits_are_refused_and_not_cut(read):
    values = np.full((HEIGHT, WIDTH), 4096, np.uint16)
    with pytest.raises(ValueError, match=r"its values go from 4096 to 4096, outside 0 to 4095 \(--bits 12\)"):
        read(Image.fromarray(values), decoding=Decoding(bits=12))


@pytest.mark.parametrize("values", [[-1, 5], [0, 65_536]])
def test_whole_numbers_of_32_bits_are_read_where_they_are_in_range_and_refused_elsewhere(read, values):
    inside = np.full((HEIGHT, WIDTH), 32_768, np.int32)
    np.testing.assert_allclose(read(Image.fromarray(inside), "a.tiff").image, 32_768 / 65_535, atol=FLOAT32)
    inside[0, :2] = values
    with pytest.raises(ValueError, match="outside 0 to 65535"):
        read(Image.fromarray(inside), "a.tiff")


def test_decimal_numbers_are_refused_as_their_scale_is_unknown(read):
    with pytest.raises(ValueError, match=r"decimal numbers without a known scale; save it with 8 or 16 bits"):
        read(Image.fromarray(np.linspace(0, 1, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)), "a.tiff")


def test_colours_of_16_bits_are_read_in_8(tmp_path):
    pixels = pixels_of(8, HEIGHT, WIDTH, 3, kind=np.uint16)
    (tmp_path / "deep.png").write_bytes(deep_colour(pixels))
    content = read_picture(tmp_path / "deep.png", 3, Framing((HEIGHT, WIDTH)))
    np.testing.assert_allclose(shown(content), pixels / 65_535, atol=ONE_STEP)  # the lower bits are lost
    assert content.is_cut and abs(content.deep_peak - int(pixels.max())) < 257


@pytest.mark.parametrize(
    ("peak", "advice"),
    [(0, None), (255, "--bits 8"), (256, "--bits 10"), (4095, "--bits 12"), (8191, "--bits 14"), (8192, None)],
)
def test_a_picture_of_16_bits_that_uses_less_than_an_eighth_is_noted_with_what_to_do(read, tmp_path, peak, advice):
    values = np.zeros((HEIGHT, WIDTH), np.uint16)
    values[2, 3] = peak
    notes = notes_on(tmp_path / "one.png", read(Image.fromarray(values)), Decoding())
    assert list(notes) == ([] if advice is None else ["dark"])
    if advice is not None:
        assert notes["dark"] == (
            f"{tmp_path / 'one.png'} has 16 bits, of whose range it uses less than an eighth: to the network it is "
            f"nearly black; where the data has fewer bits, give {advice}"
        )


def test_no_note_is_made_of_bits_that_were_given(read, tmp_path):
    decoding = Decoding(bits=12)
    content = read(Image.fromarray(np.full((HEIGHT, WIDTH), 100, np.uint16)), decoding=decoding)
    assert notes_on(tmp_path, content, decoding) == {}


def test_dark_colours_of_16_bits_are_to_be_scaled_by_the_user(tmp_path):
    (tmp_path / "deep.png").write_bytes(deep_colour(pixels_of(8, HEIGHT, WIDTH, 3, kind=np.uint16) // 16))
    content = read_picture(tmp_path / "deep.png", 3, Framing((HEIGHT, WIDTH)))
    assert notes_on(tmp_path, content, Decoding())["dark"].endswith("scale such pictures to 8 bits")


# ---- too large ----


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [  # Pillow itself opens the first, warns of the second and refuses the third
        (8001, 8000, "8001 x 8000 pixels"),
        (13_000, 12_000, "156000000 pixels"),
        (100_000, 100_000, "10000000000 pixels"),
    ],
)
def test_a_picture_of_more_than_64_megapixels_is_refused_before_it_is_decoded(why_not, width, height, size):
    content = png_of((width, height, 8, 2))  # there are no pixels that could be decoded
    assert why_not(content) == f"it has {size}, more than 64 megapixels; --max-megapixels allows more"


def test_as_many_pixels_as_the_cap_are_read_and_one_more_is_refused(read):
    cap = Decoding(max_megapixels=HEIGHT * WIDTH / 1e6)
    image = Image.fromarray(pixels_of(2))
    np.testing.assert_allclose(shown(read(image, decoding=cap)), pixels_of(2) / 255, atol=FLOAT32)
    with pytest.raises(ValueError, match=r"it has 9 x 7 pixels, more than 5\.4e-05 megapixels"):
        read(Image.new("RGB", (9, 7)), decoding=cap)


@pytest.mark.parametrize("megapixels", [0.5, 400])
def test_the_cap_is_pillow_s_too_as_long_as_it_lasts(megapixels):
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ZeroDivisionError), pixel_cap(Decoding(max_megapixels=megapixels)):
        assert megapixels * 1e6 == Image.MAX_IMAGE_PIXELS
        raise ZeroDivisionError
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_higher_cap_lets_pictures_through_that_pillow_would_refuse(why_not):
    decoding = Decoding(max_megapixels=400)
    with pixel_cap(decoding):
        assert "megapixels" not in why_not(png_of((19_000, 19_000, 1, 0)), decoding=decoding)
        assert why_not(png_of((21_000, 20_000, 1, 0)), decoding=decoding).startswith("it has 21000 x 20000 pixels")


def test_a_decoder_takes_no_memory_for_a_screen_above_the_cap(why_not):
    screen = b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0)
    cleared = b"\x21\xf9\x04\x08\0\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x02\0;"
    with pixel_cap(Decoding()):
        assert why_not(screen + cleared, "a.gif").endswith("more than 64 megapixels; --max-megapixels allows more")


# ---- damaged ----


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"not a picture", f"it is none of {', '.join(FORMATS)}, or damaged"),
        (b"\x89PNG\r\n\x1a\n", f"it is none of {', '.join(FORMATS)}, or damaged"),
    ],
)
def test_a_file_that_is_no_picture_is_told_with_its_path_and_why(why_not, content, why):
    assert why_not(content) == why


def test_a_file_that_is_not_there_is_told_with_its_path(tmp_path):
    with pytest.raises(ValueError, match=r"could not read the picture .*nowhere\.png: No such file or directory$"):
        read_picture(tmp_path / "nowhere.png", 3, Framing((HEIGHT, WIDTH)))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.tiff", "a.webp", "a.bmp"])
def test_a_picture_that_is_cut_is_read_or_told_but_raises_nothing_else(tmp_path, name):
    path = tmp_path / name
    Image.fromarray(pixels_of(2, 12, 18, 3)).save(path)
    whole = path.read_bytes()
    told = 0
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            read_picture(path, 3, Framing((HEIGHT, WIDTH)))
        except ValueError as error:
            told += str(error).startswith(f"could not read the picture {path}: ")
    assert told > len(whole) / 2


# ---- how large it was ----


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_size_is_that_of_the_upright_picture(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation  # 6: turned by a quarter
    Image.fromarray(pixels_of(1, 4, 6, 3)).save(tmp_path / "one.png", exif=exif)
    expected = (4, 6) if orientation == 1 else (6, 4)
    assert read_picture(tmp_path / "one.png", 3, Framing((HEIGHT, WIDTH))).size == expected


def test_deep_grey_has_a_size_too(tmp_path):
    Image.fromarray(pixels_of(3, 8, 12, kind=np.uint16)).save(tmp_path / "deep.png")
    assert read_picture(tmp_path / "deep.png", 1, Framing((HEIGHT, WIDTH))).size == (8, 12)
