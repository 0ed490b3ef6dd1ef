import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install bnn-hw[train]")

from bnn_hw.train.augment import Augmentation, paste_boxes  # noqa: E402

NOTHING = Augmentation(flip=False, rotation_deg=0, scale=0, shift=0, contrast=0, brightness=0, noise=0)


def pictures(count: int = 64) -> "torch.Tensor":
    return torch.randint(0, 256, (count, 3, 32, 32), generator=torch.Generator().manual_seed(0)).float()


def generator() -> "torch.Generator":
    return torch.Generator().manual_seed(1)


def only(**ranges: float) -> Augmentation:
    return Augmentation(**{**vars(NOTHING), **ranges})


def test_ranges_of_zero_change_nothing() -> None:
    assert torch.equal(NOTHING(pictures(), generator()), pictures())


def test_results_are_pixel_values_and_follow_the_generator() -> None:
    varied = Augmentation()(pictures(), generator())
    assert torch.equal(varied, varied.round())
    assert varied.min() >= 0
    assert varied.max() <= 255
    assert torch.equal(varied, Augmentation()(pictures(), generator()))
    assert not torch.equal(varied, Augmentation()(pictures(), torch.Generator().manual_seed(2)))


def test_about_half_of_the_pictures_are_mirrored() -> None:
    before = pictures()
    after = only(flip=True)(before, generator())
    same = [torch.equal(a, b) for a, b in zip(after, before, strict=True)]
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(after, before, strict=True)]
    assert all(s != m for s, m in zip(same, mirrored, strict=True))
    assert 20 <= sum(mirrored) <= 44


def test_brightness_and_contrast_stay_in_their_ranges() -> None:
    before = torch.full((200, 3, 32, 32), 100.0)
    before[..., 16:] = 140.0
    brighter = only(brightness=30.0)(before, generator()) - before
    assert brighter.abs().max() <= 30
    assert brighter.max() > 25
    assert brighter.min() < -25
    span = only(contrast=0.5)(before, generator())
    ratio = (span[..., 20] - span[..., 5]).mean(dim=(1, 2)) / 40.0
    assert 0.5 - 0.03 <= ratio.min() < 0.6
    assert 1.4 < ratio.max() <= 1.5 + 0.03


def test_shift_and_rotation_move_a_spot_no_farther_than_asked() -> None:
    before = torch.zeros(200, 3, 32, 32)
    before[:, :, 15:17, 15:17] = 255.0
    weights = only(shift=0.1)(before, generator())[:, 0]
    columns = (weights.sum(1) * torch.arange(32.0)).sum(1) / weights.sum((1, 2)) - 15.5
    assert columns.abs().max() <= 3.2 + 0.1
    assert columns.abs().max() > 2.5
    turned = only(rotation_deg=20.0)(before, generator())[:, 0]
    assert ((turned.sum(1) * torch.arange(32.0)).sum(1) / turned.sum((1, 2)) - 15.5).abs().max() < 0.1


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_labels_of_pasted_boxes_are_the_shares_of_their_area(share: float) -> None:
    count, classes, size = 400, 5, 32
    numbers = torch.arange(count)
    pictures = (
        numbers.float().view(count, 1, 1, 1).expand(count, 3, size, size)
    )  # each tells where it is from
    labels = numbers % classes
    pasted, targets = paste_boxes(pictures, labels, classes, share, torch.Generator().manual_seed(3))
    changed = 0
    for number, (picture, target) in enumerate(zip(pasted.numpy(), targets.numpy(), strict=True)):
        expected = np.zeros(classes)
        for origin in np.unique(picture):
            expected[int(origin) % classes] += (picture == origin).mean()
        assert target == pytest.approx(expected, abs=1e-6)
        foreign = (
            (picture[0] != number).any(axis=0).nonzero()[0],
            (picture[0] != number).any(axis=1).nonzero()[0],
        )
        if len(foreign[0]):
            changed += 1
            columns, rows = (slice(line[0], line[-1] + 1) for line in foreign)
            assert (picture[:, rows, columns] == picture[0, rows.start, columns.start]).all()  # one whole box
            # Half of the area at most, and a row and a column of rounding.
            assert len(foreign[0]) <= size * 0.5**0.5 + 1 >= len(foreign[1])
    # Some boxes hold no pixel's centre, or come from the picture itself.
    assert 0.9 * share * count - 20 <= changed <= share * count + 3 * (share * (1 - share) * count) ** 0.5
