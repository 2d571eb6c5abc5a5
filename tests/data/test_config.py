import pytest

from ganvas.data.config import DataConfig
from ganvas.errors import UserError
from ganvas.settings import parse


def test_text_is_read_as_numbers_where_numbers_are_wanted():
    assert parse(DataConfig, {"size": "45", "crop": "128", "channels": "3"}) == DataConfig(
        size=45, crop=128, channels=3
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"size": 15}, "--size"),
        ({"size": 129}, "--size"),
        ({"crop": 15}, "square or a number of pixels"),
        ({"crop": "round"}, "square or a number of pixels"),
        ({"channels": 2}, "1 .grey. or 3 .RGB."),
        ({"background": "pink"}, "--background"),
        ({"sise": 28}, "did you mean size"),
    ],
)
def test_a_wrong_choice_is_refused_with_what_is_allowed(values, said):
    with pytest.raises(UserError, match=said):
        parse(DataConfig, values)


def test_a_record_of_the_choices_reads_back_as_the_same_choices():
    for data in (DataConfig(), DataConfig(size=17, crop=64, channels=1, attribute="Smiling", background="black")):
        assert DataConfig.model_validate_json(data.model_dump_json()) == data
