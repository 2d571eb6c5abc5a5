import pytest

from ganvas.data.sources.partition import is_held_out_part, part_of_path


@pytest.mark.parametrize(
    "name", ["train", "Train", "TRAINING", "training_set", "trainset", "train2017", "images_train", "trn", "train_data"]
)
def test_names_of_a_training_part(name):
    assert is_held_out_part(name) is False


@pytest.mark.parametrize(
    "name",
    ["test", "Testing", "val", "valid", "VALIDATION", "dev", "eval", "test_set", "test-images", "val2017", "test1",
     "hold-out", "held_out", "sample", "evaluation", "tst"],
)  # fmt: skip
def test_names_of_a_held_out_part(name):
    assert is_held_out_part(name) is True


@pytest.mark.parametrize(
    "name",
    ["", "cats", "images", "data", "train_masks", "test_labels", "trains", "valley", "latest", "retraining", "1", "_"],
)
def test_other_names(name):
    assert is_held_out_part(name) is None


def test_the_first_folder_that_names_a_part_decides():
    assert part_of_path("images/train/test.png") is False
    assert part_of_path("val/train/1.png") is True
    assert part_of_path("cats/1.png") is None
    assert part_of_path("test") is None
