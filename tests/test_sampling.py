import json
import re
import weakref

import numpy as np
import pytest
import torch
from PIL import Image

from ganvas import sampling
from ganvas.alpha import bounded, premultiply
from ganvas.data import open_source
from ganvas.data.labels import LabelPart, LabelSpace
from ganvas.errors import UserError
from ganvas.images import Pixels, save_png, to_uint8
from ganvas.networks.classifier import BookClassifier
from ganvas.networks.modern import Modern
from ganvas.runs.bundle import Bundle, BundleInfo, read_bundle, write_bundle
from ganvas.sampling import BATCH, Sampler, class_index, load, save_npz, spherical, split_evenly
from ganvas.sheets import enlarge, grid


def sampler_of(classes=("cat", "dog", "1", "0"), channels=1, size=16, labels=None):
    info = BundleInfo(
        recipe="modern",
        source="pets",
        fingerprint="ab",
        seed=3,
        images=100,
        channels=channels,
        size=size,
        classes=classes,
        labels=labels,
        pair=Modern(width=4, noise=4, embedding=4, features=4),
    )
    torch.manual_seed(0)
    networks = info.networks()
    for network in networks.values():
        network.eval()
    return Sampler(Bundle(info, networks), "pets")


@pytest.fixture(scope="module")
def sampler():
    return sampler_of()


@pytest.fixture(scope="module")
def unlabelled():
    return sampler_of(classes=())


def test_images_are_what_was_promised(sampler):
    pixels = sampler.sample(["cat", "dog", "cat"])
    assert pixels.shape == (3, 1, 16, 16)
    assert pixels.dtype == np.uint8
    assert len(np.unique(pixels.reshape(3, -1), axis=0)) == 3


@pytest.mark.parametrize("count", [1, 2, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH])
def test_a_image_does_not_depend_on_how_many_are_asked_beside_it(sampler, count):
    most = sampler.sample(["dog"] * (3 * BATCH + 5))
    assert np.array_equal(sampler.sample(["dog"] * count), most[:count])


def test_a_image_does_not_depend_on_which_labels_are_asked_beside_it(sampler):
    mixed = sampler.sample(["dog", "cat", "dog", "1", "cat", "dog"])
    assert np.array_equal(mixed[[0, 2, 5]], sampler.sample(["dog"] * 3))
    assert np.array_equal(mixed[[1, 4]], sampler.sample(["cat"] * 2))


def test_a_image_does_not_depend_on_the_batch_it_is_computed_in(sampler):
    # Rounding may differ between batches of other sizes, which is why there is one size only; nothing else may.
    noise = sampler.noise((1,), 0, 0, None)
    here = sampler.sample(["dog"] * BATCH).astype(int)
    apart = np.concatenate(
        [sampler._generate(part, torch.ones(len(part), dtype=torch.int64)) for part in noise.split(7)]
    )
    assert abs(apart - here).max() <= 1


def test_seed_and_label_and_index_each_change_the_noise(sampler):
    noises = [sampler.noise((label,), seed, block, None) for label in (0, 1) for seed in (0, 1) for block in (0, 1)]
    assert len({tuple(noise.tolist()) for block in noises for noise in block}) == 8 * BATCH
    assert torch.equal(sampler.noise((1,), 1, 1, None), noises[-1])


# Digits of another script are digits.
NUMBERED = [
    (("001", "002", "003"), {"1": "001", "01": "001", "001": "001", "3": "003", "+2": "002", " 2 ": "002"}),
    (("1", "2", "3", "4"), {"1": "1", "4": "4", "04": "4"}),
    (("0", "1", "3"), {"0": "0", "1": "1", "3": "3"}),
    (("3", "1", "0"), {"0": "0", "1": "1", "3": "3"}),
    (("1", "01"), {"1": "1", "01": "01"}),
    (("-1", "1"), {"-1": "-1", "1": "1", "-01": "-1"}),
    (("0.5", "1.0", "10"), {"1": "1.0", "0.50": "0.5", "10": "10"}),
    (("\u0660", "\u0661"), {"0": "\u0660", "1": "\u0661"}),
    (("0", "1", "A", "B"), {"1": "1", "01": "1", "A": "A"}),
]


@pytest.mark.parametrize(("classes", "meant"), NUMBERED, ids=lambda given: "-".join(given))
def test_a_number_means_the_class_of_that_number_and_never_a_position(classes, meant):
    for label, name in meant.items():
        assert classes[class_index(label, classes, "pets")] == name
        if re.fullmatch(r"-?[1-9]\d*|0", label):  # the same from Python, of every type of whole number
            for whole in (int(label), np.int64(label), np.int8(label), torch.tensor(int(label)), np.str_(label)):
                assert classes[class_index(whole, classes, "pets")] == name


@pytest.mark.parametrize(
    ("classes", "label", "closest"),
    [
        (("001", "002", "003"), "0", "001"),
        (("001", "002", "003"), 4, "003"),
        (("0", "1", "3"), 2, "1"),
        (("0", "1", "3"), "-1", "0"),
        (("1", "2", "3", "4"), np.int64(0), "1"),
        (("1", "2", "10", "20"), "18", "20"),
        (("cat", "dog", "1", "0"), 3, "1"),  # a position among words, if "1" and "0" were words
    ],
)
def test_a_number_of_no_class_is_refused_with_the_nearest_and_all(classes, label, closest):
    expected = f"pets knows no class {label}; did you mean {closest}? Allowed: {', '.join(classes)}"
    with pytest.raises(UserError, match=f"^{re.escape(expected)}$"):
        class_index(label, classes, "pets")


def test_a_number_of_two_classes_is_refused_with_both():
    with pytest.raises(UserError, match=r"^label 1 may be 01 or 001: give the exact name$"):
        class_index(1, ("01", "001"), "pets")


def test_among_words_a_number_is_a_position_from_0():
    for label in (0, "0", np.uint8(0), torch.tensor(0)):
        assert class_index(label, ("cat", "dog"), "pets") == 0
    with pytest.raises(UserError, match=r"^label 2 is not in 0\.\.1; pets knows cat, dog$"):
        class_index("2", ("cat", "dog"), "pets")


@pytest.mark.parametrize("label", [True, np.True_, 1.0, None, b"1", (1,)])
@pytest.mark.parametrize("classes", [("0", "1"), ("cat", "dog")])
def test_what_is_neither_a_name_nor_a_whole_number_is_no_label(classes, label):
    expected = f"a label is the name of a class or a whole number, not {label!r}"
    with pytest.raises(UserError, match=re.escape(expected)):
        class_index(label, classes, "pets")


def test_an_array_of_numbers_draws_what_their_names_draw():
    numbered = sampler_of(("001", "002", "003"))
    expected = numbered.sample(["001", "003", "001"])
    for labels in ([1, 3, 1], np.array([1, 3, 1]), np.array(["1", "3", "1"]), torch.tensor([1, 3, 1])):
        assert np.array_equal(numbered.sample(labels), expected)
    assert np.array_equal(numbered.between(1, np.int64(2), 3), numbered.between("001", "002", 3))


@pytest.mark.parametrize("label", ["cta", "", "-1", "4", "1.5", -1, 4])
def test_an_unknown_label_is_refused_with_what_the_run_knows(sampler, label):
    with pytest.raises(UserError, match=r"cat.*dog") as caught:
        sampler.sample([label])
    assert "pets" in str(caught.value)


def test_a_misspelt_label_gets_the_nearest(sampler):
    with pytest.raises(UserError, match="pets knows no class 'catt'; did you mean cat"):
        sampler.sample(["catt"])


def test_a_name_alone_is_one_label_and_not_its_letters(sampler):
    assert np.array_equal(sampler.sample("cat"), sampler.sample(["cat"]))


def test_a_number_of_images_is_for_a_run_without_labels(sampler, unlabelled):
    assert unlabelled.sample(3).shape == (3, 1, 16, 16)
    assert np.array_equal(unlabelled.sample(20)[:3], unlabelled.sample(3))
    assert np.array_equal(unlabelled.sample(np.int64(3)), unlabelled.sample(3))
    for count in (3, np.int64(3)):
        with pytest.raises(UserError, match=re.escape("pets draws by class: give labels, such as ['cat']")):
            sampler.sample(count)
    with pytest.raises(UserError, match="pets draws a number of images"):
        unlabelled.sample(True)


def test_a_label_of_a_run_without_labels_is_refused(unlabelled):
    for ask in (lambda: unlabelled.sample(["cat"]), lambda: unlabelled.between("cat", "dog", 3)):
        with pytest.raises(UserError, match="pets was trained without labels: leave out --label"):
            ask()


@pytest.mark.parametrize("truncation", [0.05, 0.5, 2.0])
def test_truncation_bounds_the_noise_and_leaves_what_was_within(sampler, truncation):
    free = torch.cat([sampler.noise((1,), 0, block, None) for block in range(5)])
    bound = torch.cat([sampler.noise((1,), 0, block, truncation) for block in range(5)])
    assert bound.abs().max() <= truncation
    within = free.abs() <= truncation
    assert torch.equal(free[within], bound[within])
    assert not torch.equal(free, bound)
    assert len(bound[~within].unique()) > 10  # drawn again, not clipped


@pytest.mark.parametrize("truncation", [0.0, -1.0, 1e-9, float("nan")])
def test_a_truncation_that_would_draw_for_ever_is_refused(sampler, truncation):
    with pytest.raises(UserError, match="truncation is at least"):
        sampler.sample(["cat"], truncation=truncation)


def test_the_way_between_two_labels_begins_and_ends_at_them_with_one_noise(sampler):
    way = sampler.between("cat", "dog", steps=9, seed=5)
    assert way.shape == (9, 1, 16, 16)
    noise = sampler.noise(None, 5, 0, None)[:1].expand(BATCH, -1)
    for place, label in ((0, 0), (-1, 1)):
        with torch.inference_mode():
            images = sampler.generator(noise, torch.full((BATCH,), label))
        assert abs(to_uint8(images[:1]).numpy().astype(int) - way[place]).max() <= 1
    steps = abs(np.diff(way.astype(int), axis=0)).max(axis=(1, 2, 3))
    assert steps.max() < abs(way[0].astype(int) - way[-1]).max()  # no jump is as far as the whole way


def test_the_way_back_is_the_way(sampler):
    there, back = sampler.between("cat", "dog", 5), sampler.between("dog", "cat", 5)
    assert abs(there.astype(int) - back[::-1]).max() <= 1


def test_a_way_of_one_step_stays_where_it_begins(sampler):
    assert np.array_equal(sampler.between("cat", "dog", 1), sampler.between("cat", "dog", 7)[:1])


def test_a_way_longer_than_a_batch_is_whole(sampler):
    assert len(sampler.between("cat", "dog", 2 * BATCH + 3)) == 2 * BATCH + 3


@pytest.mark.parametrize(("count", "classes"), [(10, 3), (3, 10), (0, 2), (7, 1), (9, 3)])
def test_spreading_is_even_and_complete(count, classes):
    result = split_evenly(count, range(classes))
    assert sum(result) == count
    assert max(result) - min(result) <= 1
    assert result == sorted(result, reverse=True)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(16, 16), (20, 17)])
def test_an_npz_of_images_is_a_source(tmp_path, channels, size):
    pixels: Pixels = bounded(np.random.default_rng(0).integers(0, 256, (30, channels, *size), np.uint8))
    labels = np.arange(30) % 3
    save_npz(tmp_path / "drawn.npz", [pixels[:7], pixels[7:]], 30, labels, ("b", "a", "é"))
    result = open_source(str(tmp_path / "drawn.npz"))
    assert result.classes == ("b", "a", "é")
    assert np.array_equal(result.labels, labels)
    assert np.array_equal(result.pixels, pixels)
    assert [p.name for p in tmp_path.iterdir()] == ["drawn.npz"]


def test_an_npz_without_labels_is_a_source_without_labels(tmp_path):
    pixels: Pixels = np.random.default_rng(0).integers(0, 256, (30, 1, 16, 16), np.uint8)
    save_npz(tmp_path / "drawn.npz", [pixels], 30, None, ())
    result = open_source(str(tmp_path / "drawn.npz"))
    assert result.labels is None
    assert result.classes == ()


def test_an_npz_is_the_same_bytes_each_time_and_whole_or_not_at_all(tmp_path):
    pixels = np.zeros((2, 1, 16, 16), np.uint8)
    for name in ("a.npz", "b.npz"):
        save_npz(tmp_path / name, [pixels], 2, np.array([0, 1]), ("x", "y"))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()

    def full():
        yield pixels[:1]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        save_npz(tmp_path / "c.npz", full(), 2, None, ())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_a_runs_images_and_its_bundles_are_the_same(tiny_run):
    whole = load(tiny_run.path)
    assert whole.classes == ("across", "down", "spot")
    assert np.array_equal(whole.sample([0, 1, 2]), load(str(tiny_run.bundle)).sample([0, 1, 2]))
    assert np.array_equal(whole.sample([0]), Sampler(read_bundle(tiny_run.bundle)).sample([0]))


def test_an_unfinished_run_is_sampled_from_its_newest_checkpoint(tiny_run, unfinished_run, said):
    result = load(unfinished_run.path)
    assert "is unfinished: from its checkpoint after 160 images" in said[0]
    assert np.array_equal(result.sample([0, 1]), load(tiny_run.path).sample([0, 1]))


def test_a_preview_shows_what_sample_draws_of_the_runs_seed(tiny_run, tmp_path):
    result = load(tiny_run.path)
    pixels = result.sample([label for label in result.classes for _ in range(8)], seed=result.info.seed)
    save_png(enlarge(grid(pixels, 8), least_side=400), tmp_path / "drawn.png")
    shown = np.asarray(Image.open(tiny_run.previews / "0000000160.png"))
    assert np.array_equal(shown, np.asarray(Image.open(tmp_path / "drawn.png")))


SHAPES = LabelSpace(
    parts=(
        LabelPart(name="shape", classes=("star", "disc")),
        LabelPart(name="colour", classes=("red", "blue", "grey")),
    ),
    combinations=((0, -1), (0, 0), (0, 1), (1, 0)),
    counts=(50, 30, 10, 5),
)


@pytest.fixture(scope="module")
def in_parts():
    return sampler_of(classes=SHAPES.classes, labels=SHAPES)


def test_a_label_of_several_parts_draws_as_its_text_and_as_its_parts(in_parts):
    by_parts = in_parts.sample([{"shape": "star", "colour": "red"}, {"shape": "disc", "colour": "grey"}])
    assert np.array_equal(by_parts, in_parts.sample(["shape=star,colour=red", "colour=grey,shape=disc"]))
    assert np.array_equal(by_parts[:1], in_parts.sample({"shape": "star", "colour": "red"}))
    assert not np.array_equal(by_parts[0], by_parts[1])


def test_open_parts_are_drawn_as_training_images_have_them_beside_the_given_ones(in_parts):
    drawn = in_parts.complete((0, None), 4_000)
    assert (drawn[:, 0] == 0).all()
    shares = np.bincount(drawn[:, 1], minlength=3) / 4_000
    assert abs(shares - [0.75, 0.25, 0]).max() < 0.04  # 30 red and 10 blue; none without a colour
    both = in_parts.complete((None, None), 4_000)
    assert abs(np.mean((both == [1, 0]).all(1)) - 5 / 45) < 0.03
    never = in_parts.complete((None, 2), 50)  # no training image is grey: shapes as in all of them
    assert (never[:, 1] == 2).all()
    assert {*never[:, 0].tolist()} <= {0, 1}


def test_an_image_of_an_open_label_does_not_depend_on_how_many_are_asked(in_parts):
    most = in_parts.sample(["shape=star"] * (BATCH + 9))
    assert np.array_equal(in_parts.sample(["shape=star"] * 5), most[:5])
    assert np.array_equal(in_parts.complete((0, None), 5), in_parts.complete((0, None), BATCH + 9)[:5])


def test_the_way_along_one_part_keeps_the_others(in_parts):
    way = in_parts.between("shape=star,colour=blue", "shape=disc", 5, seed=2)
    assert np.array_equal(way, in_parts.between("shape=star,colour=blue", "shape=disc,colour=blue", 5, seed=2))
    ends = in_parts.part_grid("shape", "colour", (None, None), seed=2)[[1, 4]]  # blue is the second of three columns
    assert abs(way[[0, -1]].astype(int) - ends).max() <= 1


def test_a_grid_has_a_row_for_each_class_of_one_part_and_a_column_for_each_of_another(in_parts):
    cells = in_parts.part_grid("colour", "shape", (None, None))
    assert cells.shape == (6, 1, 16, 16)
    assert np.array_equal(
        cells.reshape(3, 2, 256).swapaxes(0, 1).reshape(6, 256),
        in_parts.part_grid("shape", "colour", (None, None)).reshape(6, 256),
    )
    with pytest.raises(UserError, match="knows no part 'size' of a label"):
        in_parts.part_grid("size", "shape", (None, None))
    with pytest.raises(UserError, match="not of shape twice"):
        in_parts.part_grid("shape", "shape", (None, None))


def test_a_bundle_of_several_parts_keeps_them_and_one_of_one_part_says_nothing_of_them(tmp_path, in_parts, sampler):
    for name, each in (("several", in_parts), ("one", sampler)):
        write_bundle(
            tmp_path / name,
            each.info,
            {"generator": each.generator, "discriminator": each.info.networks()["discriminator"]},
        )
    read = read_bundle(tmp_path / "several").info
    assert (read.labels, read.shape.parts, read.shape.classes) == (SHAPES, (2, 3), 5)
    assert "labels" not in json.loads((tmp_path / "one" / "run.json").read_text())
    with pytest.raises(ValueError, match="not those of the parts"):
        BundleInfo.model_validate({**in_parts.info.model_dump(), "classes": ("a", "b")})


def test_a_classifier_draws_nothing():
    info = sampler_of().info.model_copy(update={"pair": BookClassifier()})
    with pytest.raises(UserError, match="pets trained a classifier, which tells classes apart and draws nothing"):
        Sampler(Bundle(info, info.networks("meta")), "pets")


def test_a_fast_sampler_draws_the_same_images_but_for_rounding(tiny_run, monkeypatch):
    exact = load(tiny_run.path).sample(["spot", "across"] * 40).astype(int)
    monkeypatch.setattr(sampling, "computes_bfloat16", lambda: True)
    fast = load(tiny_run.path, fast=True)
    assert fast.generator.first.weight.dtype == torch.bfloat16
    generated = fast.sample(["spot", "across"] * 40)
    assert not np.array_equal(generated, exact)
    assert abs(generated - exact).mean() <= 0.3
    assert fast.between("spot", "down", 3).shape == (3, 1, 16, 16)


def test_where_bfloat16_is_not_multiplied_a_fast_sampler_is_the_exact_one(tiny_run, monkeypatch):
    monkeypatch.setattr(sampling, "computes_bfloat16", lambda: False)
    assert np.array_equal(load(tiny_run.path, fast=True).sample(["spot"] * 9), load(tiny_run.path).sample(["spot"] * 9))


def test_an_npz_is_written_a_part_at_a_time(tmp_path):
    alive = []

    def parts():
        for _ in range(50):
            part = np.ones((64, 1, 16, 16), np.uint8)
            alive.append(weakref.ref(part))
            yield part
            del part
            assert sum(reference() is not None for reference in alive) <= 1

    save_npz(tmp_path / "many.npz", parts(), 3200, None, ())
    with np.load(tmp_path / "many.npz") as result:
        assert result["images"].shape == (3200, 16, 16)


def test_transparent_images_are_sampled_as_files_hold_them_and_generated_premultiplied():
    sampler = sampler_of(channels=4, size="20x17")
    inside = sampler.generate(["cat", "dog"], seed=1)
    assert inside.shape == (2, 4, 20, 17)
    assert (inside[:, :3] <= inside[:, 3:]).all()
    assert np.array_equal(premultiply(sampler.sample(["cat", "dog"], seed=1)), inside)
    assert np.array_equal(next(sampler.stream((0,), 1, seed=1))[1][0], inside[0])
    assert np.array_equal(premultiply(sampler.between("cat", "dog", 3)), sampler.walk("cat", "dog", 3))


def test_a_block_is_the_images_of_the_stream_at_its_place(tiny_run):
    sampler = load(tiny_run.path)
    together = np.concatenate([images for _, images in sampler.stream((1,), 150, seed=3, truncation=2.0)])
    blocks = [sampler.block((1,), 3, number, 2.0) for number in range(3)]
    assert [len(block) for block in blocks] == [64, 64, 64]
    assert np.array_equal(np.concatenate(blocks)[:150], together)


def test_a_mixture_goes_from_one_label_and_seed_to_another(tiny_run):
    sampler = load(tiny_run.path)
    walks = {seed: sampler.between("across", "spot", steps=3, seed=seed) for seed in (4, 5)}
    for (share, seed_share), expected in {
        (0.0, 0.0): walks[4][0],
        (0.5, 0.0): walks[4][1],
        (1.0, 0.0): walks[4][2],
        (0.0, 1.0): walks[5][0],
        (1.0, 1.0): walks[5][2],
    }.items():
        mixed = sampler.mixture(((0,), (2,)), share, (4, 5), seed_share)
        assert mixed.shape == (1, 1, 16, 16)
        # At the second seed's end, sines are rounded.
        assert np.abs(mixed[0].astype(int) - expected.astype(int)).max() <= 1


def test_a_mixture_of_one_label_with_itself_is_that_label(tiny_run):
    sampler = load(tiny_run.path)
    with_itself = sampler.mixture(((1,), (1,)), 0.3, (4, 4), 0.9)
    assert np.array_equal(with_itself, sampler.mixture(((1,), (2,)), 0.0, (4, 9), 0.0))


def test_the_middle_of_an_arc_is_as_long_as_its_ends():
    x, y = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    middle = spherical(x, y, 0.5)
    assert torch.allclose(middle, torch.full((1, 2), 3 / 2**0.5))
    assert torch.allclose(spherical(x, y, 1 / 3), torch.tensor([[3 * 3**0.5 / 2, 1.5]]))  # 30 degrees
    assert torch.equal(spherical(x, y, 0.0), x)


def test_noises_without_an_arc_of_their_own_are_joined_by_a_line():
    x = torch.tensor([[1.0, 2.0]])
    assert torch.allclose(spherical(x, x, 0.4), x)
    assert torch.allclose(spherical(x, -x, 0.5), torch.zeros(1, 2))
