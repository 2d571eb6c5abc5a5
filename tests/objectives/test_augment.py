import torch

from ganvas.objectives.augment import translate
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
