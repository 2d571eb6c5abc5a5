import pytest

from ganvas.data.config import DataConfig
from ganvas.errors import UserError
from ganvas.settings import parse


def test_text_is_parsed_as_numbers_where_an_option_is_a_number():
    assert parse(DataConfig, {"size": "45", "crop": "128", "channels": "3"}) == DataConfig(
        size=45, crop=128, channels=3
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 15}, "--size"),
        ({"size": 129}, "--size"),
        ({"crop": 15}, "square or a number of pixels"),
        ({"crop": "round"}, "square or a number of pixels"),
        ({"channels": 2}, "1 .grey., 3 .RGB. or 4 .RGB and transparency."),
        ({"background": "pink"}, "--background"),
        ({"sise": 28}, "did you mean size"),
        ({"attribute": "Smiling", "label_column": "age"}, "give one"),
    ],
)
def test_a_wrong_option_is_refused_with_the_allowed_values(values, message):
    with pytest.raises(UserError, match=message):
        parse(DataConfig, values)


def test_options_survive_a_round_trip_through_json():
    for data in (DataConfig(), DataConfig(size=17, crop=64, channels=1, attribute="Smiling", background="black")):
        assert DataConfig.model_validate_json(data.model_dump_json()) == data
