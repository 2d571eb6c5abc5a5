"""What "auto" becomes on which data, why, and that a resolved run leaves nothing open."""

import numpy as np
import pytest
from pydantic import ValidationError

from ganvas.config.recipes import RECIPES, configure
from ganvas.config.resolve import class_sizes, has_plain_borders, is_long, resolve
from ganvas.config.run import ComputeConfig, ResolvedRun
from ganvas.data.labels import single_part
from ganvas.errors import UserError
from ganvas.sizes import Size

COMPUTE = ComputeConfig(1, "float32", "channels-last")


class Set:
    """As much of a prepared set as the rules look at."""

    name = "pets"

    def __init__(self, *sizes, size=28, channels=1, plain=True, width=None):
        self.labels = np.repeat(np.arange(len(sizes)), sizes)
        self.train = np.arange(len(self.labels))
        self.classes = tuple(map(str, range(len(sizes))))
        self.label_space = single_part(self.classes, sizes)
        self.channels, self.size = channels, Size(size, width or size)
        side = self.size.width
        columns = np.zeros(side, np.uint8) if plain else np.arange(side, dtype=np.uint8) * (255 // side)
        self.pixels = np.broadcast_to(columns, (len(self.labels), channels, *self.size))


def resolved(prepared, recipe="modern", images=None, **choices):
    return resolve(configure("x", recipe, choices), prepared, COMPUTE, images)


def penalties(channels, size, **objective):
    run = resolved(Set(10, 10, size=size, channels=channels), objective={"augment": "off", **objective})
    return (run.objective.r1, run.objective.r2), run.reasons


def test_unequal_classes_are_sampled_by_the_root_of_their_size_and_the_reason_is_kept():
    run = resolved(Set(4000, 20_000))
    assert run.training.sampler == "square-root"
    assert run.reasons[0] == "classes sampled by the square root of their size: 4000 to 20000 images"
    run = resolved(Set(6000, 18_000))
    assert run.training.sampler == "epochs"
    assert not [reason for reason in run.reasons if "square root" in reason]


def test_a_small_set_of_small_images_is_shown_shifted():
    run = resolved(Set(4000, 4000))
    assert run.objective.augment == "on"
    seen = "the discriminator sees randomly shifted images, against memorising"
    expected = f"small set (8,000 images) with plain borders: {seen}"
    assert run.reasons[0] == expected
    assert resolved(Set(5000, 5000)).objective.augment == "off"
    assert resolved(Set(4000, 4000, size=64)).objective.augment == "off", "it was not seen to help there"
    assert resolved(Set(4000, 4000, plain=False)).objective.augment == "off", "G would learn the borders of the shifts"


@pytest.mark.parametrize(("painted", "plain"), [(0, True), (10, True), (16, False), (28, False)])
def test_a_border_is_plain_where_half_of_it_has_one_colour(painted, plain):
    prepared = Set(3, 3)
    prepared.pixels = prepared.pixels.copy()
    # Of the 108 pixels of the border the first painted row has 28, each further one 2, the last 28 again.
    prepared.pixels[:, :, :painted] = 60 + 30 * (np.arange(28) % 6)
    assert has_plain_borders(prepared) is plain


def test_where_the_discriminator_sees_shifted_images_generated_ones_are_smoothed():
    run = resolved(Set(4000, 4000))
    assert run.pair.blur == "on"
    assert "generated images are smoothed by one pixel, against speckle" in run.reasons
    assert resolved(Set(4000, 4000), objective={"augment": "off"}).pair.blur == "off"
    assert resolved(Set(4000, 4000), pair={"blur": "off"}).pair.blur == "off"


@pytest.mark.parametrize(
    ("budget", "long"),
    [
        ({"minutes": 5}, True),
        ({"minutes": 4.9}, False),
        ({"images": 100_000}, True),
        ({"images": 99_999}, False),
        ({"epochs": 2.5}, True),
        ({"epochs": 2.4}, False),
    ],
)
def test_a_run_is_long_by_the_budget_that_was_asked_for(budget, long):
    prepared = Set(20_000, 20_000, size=32, channels=3)
    assert is_long(configure("x", "modern", {"training": budget}).training, prepared, None) == long
    assert resolved(prepared, training=budget).pair.width == (64 if long else 48)
    assert resolved(prepared, images=100_000, training=budget).pair.width == 64, "the pace is known"
    assert resolved(prepared, images=99_999, training=budget).pair.width == 48


def test_of_small_colour_images_d_sees_every_pixel_and_g_draws_smooth_colour():
    run = resolved(Set(20_000, 20_000, size=32, channels=3), training={"minutes": 1})
    assert (run.pair.stem, run.pair.width, run.pair.blur) == ("strided", 48, "colour")
    assert "small colour images: the discriminator sees every pixel" in run.reasons
    assert "the colour of generated images is smoothed, against speckle" in run.reasons
    asked = {"stem": "patches", "width": 24, "blur": "off"}
    run = resolved(Set(20_000, 20_000, size=32, channels=3), pair=asked)
    assert (run.pair.stem, run.pair.width, run.pair.blur) == ("patches", 24, "off")
    assert not [reason for reason in run.reasons if "pixel" in reason or "smoothed" in reason]
    assert resolved(Set(300, 300, size=32, channels=3)).pair.blur == "on", "it is shifted"
    for other in (Set(20_000, 20_000, size=32), Set(20_000, 20_000, size=64, channels=3)):
        run = resolved(other)
        assert (run.pair.stem, run.pair.width, run.pair.blur) == ("patches", 32, "off")


@pytest.mark.parametrize(
    ("channels", "size", "minutes", "blur"),
    [(1, 64, 1, "off"), (1, 33, 1, "off"), (1, 32, 5, "off"), (3, 64, 1, "colour"), (3, 128, 60, "colour")],
)
def test_of_natural_images_d_sees_every_pixel_too_and_of_small_ones_in_a_long_run(channels, size, minutes, blur):
    natural = Set(300, 300, size=size, channels=channels, plain=False)
    brief = resolved(Set(300, 300, size=32, plain=False), training={"minutes": 4.9})
    assert (brief.pair.stem, brief.pair.width, brief.pair.blur) == ("patches", 32, "off")
    assert brief.objective.final_penalty_share() == 1
    run = resolved(natural, training={"minutes": minutes})
    assert (run.pair.stem, run.pair.width, run.pair.blur) == ("strided", 32, blur)
    assert run.objective.final_penalty_share() == 0.1
    assert "natural images, by their borders: the discriminator sees every pixel" in run.reasons
    assert "natural images, by their borders: the gradient penalties fall to 10% by the end" in run.reasons


def test_large_natural_images_are_trained_at_half_the_resolution_first():
    natural = Set(300, 300, size=64, plain=False)
    run = resolved(natural)
    assert run.pair.half_resolution == 0.5
    assert "64x64 px: half the resolution for the first 50% of the run" in run.reasons
    assert resolved(natural, pair={"half_resolution": 0}).pair.half_resolution == 0
    assert resolved(natural, pair={"stem": "patches"}).pair.half_resolution == 0, "patches cannot grow"
    for other in (Set(300, 300, size=64), Set(300, 300, size=32, channels=3, plain=False)):
        assert resolved(other).pair.half_resolution == 0
    asked = resolved(Set(300, 300, size=28), pair={"half_resolution": 0.25})
    assert (asked.pair.stem, asked.pair.half_resolution) == ("strided", 0.25), "as growing needs it"


@pytest.mark.parametrize(("size", "rate"), [(16, 0.002), (28, 0.002), (32, 0.002), (64, 0.001), (128, 0.0005)])
def test_the_learning_rate_falls_as_the_side_grows_above_32_px(size, rate):
    run = resolved(Set(300, 300, size=size))
    assert run.optimiser.lr == rate
    assert (f"learning rate {rate:g} (chosen for {size}x{size} px)" in run.reasons) == (size > 32)
    assert resolved(Set(300, 300, size=size), optimiser={"lr": 0.01}).optimiser.lr == 0.01


@pytest.mark.parametrize("wrong", ["0", "-1", "11", "nan", "fast"])
def test_a_learning_rate_is_a_number_above_0_and_at_most_10(wrong):
    with pytest.raises(UserError, match="a learning rate must be a number above 0 and at most 10, or auto"):
        configure("x", "modern", {"optimiser": {"lr": wrong}})


def test_the_penalties_of_small_colour_images_fall_to_a_tenth():
    run = resolved(Set(20_000, 20_000, size=32, channels=3))
    assert run.objective.final_penalty_share() == 0.1
    assert "small colour images: the gradient penalties fall to 10% by the end" in run.reasons
    for other in (Set(20_000, 20_000, size=32), Set(20_000, 20_000, size=64, channels=3)):
        assert resolved(other).objective.final_penalty_share() == 1
    asked = resolved(Set(20_000, 20_000, size=32, channels=3), objective={"penalty_final": "0.5"})
    assert asked.objective.final_penalty_share() == 0.5


@pytest.mark.parametrize("wrong", ["1.5", "-0.1", "nan", "half"])
def test_a_share_of_the_penalties_lies_between_0_and_1(wrong):
    with pytest.raises(UserError, match="a share must be a number from 0 to 1, or auto"):
        configure("x", "modern", {"objective": {"penalty_final": wrong}})


def test_the_penalties_grow_with_the_values_of_an_image():
    assert penalties(1, 28) == ((0.03, 0.03), ("R1 = R2 = 0.03 (chosen for 28x28 grey)",))
    assert penalties(1, 56)[0] == (0.96, 0.96)  # four times the values, 32 times the weight
    assert penalties(1, 20)[0] == (0.0056, 0.0056)  # 0.51 times the values
    weights, reasons = penalties(3, 48)
    assert weights == (1, 1)
    assert "R1 = R2 = 1 (chosen for 48x48 colour)" in reasons
    assert penalties(3, 128)[0] == (1, 1)


def test_what_was_asked_for_stands():
    above = {"training": {"sampler": "epochs"}, "objective": {"augment": "off", "r1": 0.1, "r2": 0.0}}
    run = resolved(Set(10, 1000), **above)
    assert (run.training.sampler, run.objective.augment, run.objective.r1, run.objective.r2) == (
        "epochs",
        "off",
        0.1,
        0,
    )
    assert run.reasons == ()
    weights, reasons = penalties(1, 48, r2=0.0)
    assert (weights, reasons[0]) == ((0.44, 0.0), "R1 = 0.44 (chosen for 48x48 grey)")


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES if recipe != "modern"])
def test_no_other_recipe_leaves_its_learning_to_the_data(recipe):
    run = configure("x", recipe)
    after = resolve(run, Set(10, 1000), COMPUTE)
    assert (after.objective, after.optimiser, after.data, after.seed) == (
        run.objective,
        run.optimiser,
        run.data,
        run.seed,
    )
    assert after.reasons == ()


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("size", [28, 128])
def test_nothing_is_left_open(recipe, size):
    run = resolved(Set(40, 50, size=size), recipe, images=100)
    assert "auto" not in repr(run.model_dump(exclude={"reasons"}))
    assert (run.compute, run.images) == (COMPUTE, -(-100 // run.training.batch) * run.training.batch)
    assert run.training.minutes is run.training.epochs is None


def test_a_run_with_something_open_is_not_a_resolved_one():
    with pytest.raises(ValidationError, match=r"objective\.augment, .*training\.threads.* is still auto"):
        ResolvedRun(**configure("x", "modern").model_dump())


def test_resolving_a_part_of_a_set_asks_the_part_and_not_the_whole():
    run = configure("x", "modern")
    whole, part = (resolve(run, prepared, COMPUTE) for prepared in (Set(30_000, 30_000), Set(300, 300)))
    assert (whole.objective.augment, whole.pair.blur) == ("off", "off")
    assert (part.objective.augment, part.pair.blur) == ("on", "on")


def test_without_labels_no_class_is_rare():
    assert resolved(Set(10, 1000), labels="off").training.sampler == "epochs"


def test_an_empty_class_is_not_the_smallest():
    assert class_sizes(Set(10, 0, 30)) == (10, 30)


@pytest.mark.parametrize(("images", "batch"), [(10**13, 64), (10**12 + 1, 1), (10**12 - 1, 17)])
def test_a_budget_that_is_too_large_in_whole_batches_is_refused_in_a_sentence(images, batch):
    with pytest.raises(UserError, match=r"^the budget comes to 1[\d,]+ images; a run has at most 1,000,000,000,000$"):
        resolved(Set(10, 10), images=images, training={"batch": batch})
    assert resolved(Set(10, 10), images=10**12, training={"batch": 64}).images == 10**12


def test_of_rectangles_the_number_of_pixels_counts():
    assert penalties(1, 28)[0] == (0.03, 0.03)
    wide = resolved(Set(10, 10, size=16, width=49), objective={"augment": "off"})
    assert wide.objective.r1 == 0.03, "as many values"
    assert "R1 = R2 = 0.03 (chosen for 16x49 grey)" in wide.reasons
    small, large = (Set(20_000, 20_000, size=24, width=width, channels=3) for width in (40, 48))
    assert resolved(small).pair.stem == "strided"
    assert resolved(large).pair.stem == "patches"


def test_alpha_is_one_value_more_of_a_colour_image():
    opaque, transparent = (Set(20_000, 20_000, size=32, channels=channels) for channels in (3, 4))
    both = resolved(opaque), resolved(transparent)
    assert both[0].pair == both[1].pair
    assert both[1].pair.blur == "colour"
    assert penalties(4, 16)[0] == penalties(1, 32)[0]
    assert any("colour and alpha" in reason for reason in both[1].reasons)


@pytest.mark.parametrize("kind", ["book-mlp", "book-conv"])
def test_a_books_pair_refuses_rectangles_in_a_sentence(kind):
    with pytest.raises(
        UserError, match=f"the pair {kind} is for squares alone, and pets is prepared at 28x20 px: give"
    ):
        resolved(Set(10, 10, width=20), pair={"kind": kind})
    assert resolved(Set(10, 10, channels=4), pair={"kind": kind}).pair.kind == kind
