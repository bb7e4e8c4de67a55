import numpy as np
import pytest

import deepnet as dn
from deepnet.vision import transforms
from deepnet.vision.transforms import functional as F
from deepnet.vision.utils import make_grid, save_image

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def ramp(height=6, width=9, channels=3):
    return np.arange(height * width * channels, dtype=np.uint8).reshape(height, width, channels)


def picture(*args):
    pixels = ramp(*args)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def pixels(image):
    return image.numpy() if isinstance(image, dn.Tensor) else F.pil_to_tensor(image).numpy()


@pytest.fixture(params=["pillow", "tensor"])
def image(request):
    return picture() if request.param == "pillow" else F.pil_to_tensor(picture())


def test_to_tensor_divides_bytes_only():
    x = F.to_tensor(picture())
    assert x.dtype == dn.float32
    np.testing.assert_array_equal(x.numpy(), ramp().transpose(2, 0, 1).astype(np.float32) / np.float32(255))
    assert tuple(F.to_tensor(picture(5, 4, 1)).shape) == (1, 5, 4)
    np.testing.assert_array_equal(F.to_tensor(ramp()).numpy(), x.numpy())
    assert F.to_tensor(np.full((2, 2), 3.0)).max().item() == 3.0


def test_to_pil_undoes_to_tensor():
    for start in (picture(), picture(5, 4, 1)):
        np.testing.assert_array_equal(np.asarray(F.to_pil_image(F.to_tensor(start))), np.asarray(start))


def test_normalize():
    x = dn.rand(2, 3, 4, 4)
    y = F.normalize(x, [0.1, 0.2, 0.3], [1.0, 2.0, 4.0])
    expected = (x.numpy() - np.array([0.1, 0.2, 0.3], np.float32)[:, None, None]) / np.array([1, 2, 4], np.float32)[
        :, None, None
    ]
    np.testing.assert_array_equal(y.numpy(), expected)
    z = F.normalize(x, [0.5], [0.5], inplace=True)
    assert z is x
    with pytest.raises(TypeError, match="ToTensor before"):
        F.normalize(F.pil_to_tensor(picture()), [0], [1])
    with pytest.raises(ValueError, match="std"):
        F.normalize(x, [0], [0])


def test_crops_flips_and_pads(image):
    start = pixels(image)
    np.testing.assert_array_equal(pixels(F.crop(image, 1, 2, 3, 4)), start[:, 1:4, 2:6])
    np.testing.assert_array_equal(pixels(F.center_crop(image, (2, 3))), start[:, 2:4, 3:6])
    np.testing.assert_array_equal(pixels(F.hflip(image)), start[:, :, ::-1])
    np.testing.assert_array_equal(pixels(F.vflip(image)), start[:, ::-1])
    np.testing.assert_array_equal(
        pixels(F.pad(image, (1, 2, 3, 4), 9)), np.pad(start, ((0, 0), (2, 4), (1, 3)), constant_values=9)
    )
    np.testing.assert_array_equal(pixels(F.pad(image, [1, 2], padding_mode="reflect"))[:, 2:8, 1:10], start)
    wide = pixels(F.center_crop(image, 12))
    assert wide.shape == (3, 12, 12)
    assert wide.sum() == start.sum()
    with pytest.raises(ValueError, match="padding"):
        F.pad(image, [1, 2, 3])


def test_resizing_agrees_with_pillow():
    start = np.random.default_rng(0).integers(0, 256, (23, 17, 3), dtype=np.uint8)
    for size in [(11, 9), (40, 33), (23, 5)]:
        by_pillow = pixels(F.resize(Image.fromarray(start), size)).astype(int)
        ours = pixels(F.resize(F.pil_to_tensor(start), size)).astype(int)
        assert np.abs(by_pillow - ours).max() <= 1
        nearest = pixels(F.resize(F.pil_to_tensor(start), size, smooth=False))
        np.testing.assert_array_equal(nearest, pixels(F.resize(Image.fromarray(start), size, smooth=False)))
    assert tuple(F.resize(F.to_tensor(start), 10).shape) == (3, 13, 10)


def test_grey(image):
    grey = pixels(F.rgb_to_grayscale(image)).astype(int)
    red, green, blue = pixels(image).astype(float)
    assert np.abs(grey[0] - (0.299 * red + 0.587 * green + 0.114 * blue)).max() <= 1
    assert pixels(F.rgb_to_grayscale(image, 3)).shape == (3, 6, 9)


def test_random_transforms_follow_the_seed(image):
    transform = transforms.Compose(
        [
            transforms.RandomCrop((5, 7), padding=2),
            transforms.RandomHorizontalFlip(),
            transforms.RandomVerticalFlip(),
            transforms.RandomResizedCrop(6),
            transforms.RandomApply([transforms.Grayscale(3)], p=0.5),
            transforms.ToTensor(),
            transforms.RandomErasing(),
        ]
    )
    dn.manual_seed(4)
    first = [transform(image).numpy() for _ in range(8)]
    dn.manual_seed(4)
    second = [transform(image).numpy() for _ in range(8)]
    np.testing.assert_array_equal(first, second)
    assert len({x.tobytes() for x in first}) > 4
    assert {x.shape for x in first} == {(3, 6, 6)}


def test_a_flip_happens_as_often_as_asked():
    x = dn.arange(2.0).reshape(1, 1, 2)
    flipped = sum(transforms.RandomHorizontalFlip(0.3)(x)[0, 0, 0].item() for _ in range(500))
    assert 110 < flipped < 190
    assert transforms.RandomHorizontalFlip(0.0)(x) is x


def test_random_crop_refuses_a_small_image(image):
    with pytest.raises(ValueError, match="out of an image of 6 x 9"):
        transforms.RandomCrop(8)(image)
    assert pixels(transforms.RandomCrop(12, pad_if_needed=True)(image)).shape == (3, 12, 12)


def test_random_shift_moves_each_image_of_a_batch():
    x = dn.zeros(200, 2, 5, 5)
    x[:, :, 2, 2] = 1
    y = transforms.RandomShift(1, fill=-1.0)(x).numpy()
    places = {tuple(np.argwhere(image[0] == 1)[0]) for image in y}
    assert places == {(r, c) for r in (1, 2, 3) for c in (1, 2, 3)}
    np.testing.assert_array_equal(y[:, 0], y[:, 1])
    for image in y:
        r, c = np.argwhere(image[0] == 1)[0] - 2
        assert (image == -1).sum() == 2 * (25 - (5 - abs(r)) * (5 - abs(c)))


def test_reprs_name_their_settings():
    text = repr(transforms.Compose([transforms.Resize(8), transforms.Normalize([0.5], [0.25])]))
    assert "Resize(size=8" in text
    assert "Normalize(mean=[0.5], std=[0.25]" in text


def test_a_grid():
    x = dn.arange(5.0).reshape(5, 1, 1, 1).expand(5, 1, 2, 3)
    grid = make_grid(x, nrow=2, padding=1, pad_value=9.0)
    assert tuple(grid.shape) == (3, 10, 9)
    assert grid[0, 1, 1].item() == 0
    assert grid[0, 4, 5].item() == 3
    assert grid[0, 7, 5].item() == 9
    scaled = make_grid(x, normalize=True)
    assert (scaled.min().item(), scaled.max().item()) == (0, 1)
    assert tuple(make_grid(dn.zeros(4, 4)).shape) == (3, 4, 4)


def test_an_image_is_saved(tmp_path):
    save_image(dn.full((3, 4, 5), 0.5), tmp_path / "x.png")
    back = Image.open(tmp_path / "x.png")
    assert back.size == (5, 4)
    assert back.getpixel((0, 0)) == (128, 128, 128)
