import torch

from ganvas.objectives.augment import DRAWS, adjusted, translate
from ganvas.seeds import stream


def test_a_picture_moves_by_whole_pixels_and_its_edge_goes_on():
    picture = torch.arange(25.0).view(1, 1, 5, 5)
    moved = {tuple(translate(picture, 1, stream(k, "test"))[0, 0].flatten().tolist()) for k in range(100)}
    assert len(moved) == 9  # one pixel each way, and none
    padded = torch.nn.functional.pad(picture, (1,) * 4, mode="replicate")[0, 0]
    expected = {
        tuple(padded[top : top + 5, left : left + 5].flatten().tolist()) for top in range(3) for left in range(3)
    }
    assert moved == expected


def test_each_picture_of_a_batch_moves_its_own_way():
    pictures = torch.rand(1, 3, 8, 8).expand(64, -1, -1, -1)
    moved = translate(pictures, 2, stream(0, "test"))
    assert moved.shape == pictures.shape
    assert len(torch.unique(moved.flatten(1), dim=0)) > 15  # of 25


def test_no_way_leaves_the_picture():
    pictures = torch.rand(3, 1, 8, 8)
    assert torch.equal(translate(pictures, 0, stream(0, "test")), pictures)


def test_a_gradient_reaches_the_pictures():
    pictures = torch.rand(3, 1, 8, 8, requires_grad=True)
    translate(pictures, 2, stream(0, "test")).sum().backward()
    assert float(pictures.grad.sum()) == 3 * 64


STILL = (0.5, 0.5, 0.5, 0.5, 0.5, -1.0, -1.0)  # no change; the square lies outside


def adjusted_by(pictures, **changes):
    draws = list(STILL)
    for name, value in changes.items():
        draws[("brightness", "contrast", "saturation", "down", "right", "row", "column").index(name)] = value
    return adjusted(pictures, torch.tensor([draws]).expand(len(pictures), DRAWS))


def test_d_sees_the_picture_itself_where_nothing_is_drawn():
    pictures = torch.rand(2, 3, 16, 16)
    assert torch.allclose(adjusted_by(pictures), pictures, atol=1e-6)


def test_brightness_adds_contrast_stretches_about_the_mean_and_saturation_about_grey():
    pictures = torch.rand(2, 3, 16, 16)
    mean, grey = pictures.mean(dim=(1, 2, 3), keepdim=True), pictures.mean(dim=1, keepdim=True)
    assert torch.allclose(adjusted_by(pictures, brightness=0.75), pictures + 0.25, atol=1e-6)
    assert torch.allclose(adjusted_by(pictures, contrast=0.0), mean + 0.5 * (pictures - mean), atol=1e-6)
    assert torch.allclose(adjusted_by(pictures, saturation=0.0), grey.expand(-1, 3, -1, -1), atol=1e-6)
    plain = pictures[:, :1]
    assert torch.allclose(adjusted_by(plain, saturation=0.0), plain, atol=1e-6)  # grey has no saturation


def test_a_picture_moves_by_an_eighth_at_most_and_its_edge_goes_on_for_d():
    pictures = torch.rand(1, 1, 16, 16)
    down = adjusted_by(pictures, down=0.0)  # each row shows the one two above it
    assert torch.allclose(down[:, :, 2:], pictures[:, :, :-2], atol=1e-6)
    assert torch.allclose(down[:, :, :2], pictures[:, :, :1].expand(-1, -1, 2, -1), atol=1e-6)
    right = adjusted_by(pictures, right=0.999)
    assert torch.allclose(right[..., :-2], pictures[..., 2:], atol=1e-6)


def test_a_square_of_half_the_side_is_cut_out_around_its_place():
    cut = adjusted_by(torch.ones(1, 1, 16, 16), row=0.5, column=0.5)[0, 0]
    assert (cut[4:12, 4:12] == 0).all()
    assert int((cut == 0).sum()) == 64


def test_each_picture_is_adjusted_by_its_own_draws_and_passes_its_gradient_on():
    pictures = torch.rand(1, 3, 16, 16).expand(8, -1, -1, -1).clone().requires_grad_()
    seen = adjusted(pictures, torch.rand(8, DRAWS, generator=stream(0, "test")))
    assert len(torch.unique(seen.detach().flatten(1), dim=0)) == 8
    seen.square().sum().backward()
    assert (pictures.grad.flatten(1).abs().sum(1) > 0).all()
