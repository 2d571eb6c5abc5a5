import json

import numpy as np
import pytest

from ganvas.errors import UserError
from ganvas.report.log import column, read_log, smoothed, thinned


def write(path, records, rest=b""):
    path.write_bytes(b"".join(json.dumps(record).encode() + b"\n" for record in records) + rest)
    return path


def test_records_come_back_in_their_order(tmp_path):
    records = [{"images": 64 * i, "loss_d": i / 7} for i in range(20)]
    assert read_log(write(tmp_path / "log.jsonl", records)) == records


@pytest.mark.parametrize("rest", [b'{"images": 128, "lo', b"\x00\x00\x00", b'{"a": "\xc3', b"12"])
def test_a_half_written_last_line_is_ignored(tmp_path, rest):
    assert read_log(write(tmp_path / "log.jsonl", [{"images": 64}], rest)) == [{"images": 64}]


def test_a_broken_line_before_the_last_is_named(tmp_path):
    path = write(tmp_path / "log.jsonl", [{"images": 64}], b'{"images": \n{"images": 192}\n')
    with pytest.raises(UserError, match="line 2"):
        read_log(path)


def test_an_empty_log_has_no_records(tmp_path):
    assert read_log(write(tmp_path / "log.jsonl", [])) == []


@pytest.mark.parametrize("count", [3, 7, 8, 9, 1000, 4097])
def test_a_reduced_log_keeps_its_end_and_its_means(tmp_path, count):
    records = [{"step": i, "images": 64 * i, "loss_d": float(i), "note": "x"} for i in range(1, count + 1)]
    thin = read_log(write(tmp_path / "log.jsonl", records), at_most=8)
    assert len(thin) <= 8
    assert thin[-1]["images"] == records[-1]["images"]
    assert [record["images"] for record in thin] == sorted(record["images"] for record in thin)
    if count == 1000:  # 7 whole groups of 128 and one of 104
        assert thin[0]["loss_d"] == np.mean(range(1, 129))


def test_a_column_skips_records_that_lack_it():
    records = [{"images": 1, "loss_d": 0.5}, {"event": "saved"}, {"images": 2}, {"images": 3, "loss_d": 0.25}]
    x, y = column(records, "loss_d")
    assert x.tolist() == [1, 3]
    assert y.tolist() == [0.5, 0.25]


def test_thinning_keeps_the_highest_and_lowest_points():
    y = np.zeros(100_000)
    y[54_321], y[7] = 9, -9
    x, thin = thinned(np.arange(100_000.0), y, bins=50)
    assert len(x) == len(thin) == 100
    assert (thin.max(), thin.min()) == (9, -9)


def test_a_short_line_is_not_thinned():
    x = np.arange(10.0)
    assert thinned(x, x)[1].tolist() == x.tolist()


def test_the_running_mean_of_a_constant_is_the_constant():
    x, y = smoothed(np.arange(5000.0), np.full(5000, 3.0))
    assert len(x) == len(y) <= 800
    assert np.allclose(y, 3)


def test_the_running_mean_leaves_out_what_is_not_a_number():
    y = np.full(100, 2.0)
    y[10], y[20] = np.nan, np.inf
    assert np.allclose(smoothed(np.arange(100.0), y)[1], 2)
    assert len(smoothed(np.arange(3.0), np.full(3, np.nan))[0]) == 0


def test_the_running_mean_is_calmer_than_what_it_smooths_and_keeps_the_trend():
    random = np.random.default_rng(0)
    x = np.arange(20_000.0)
    mean_x, mean_y = smoothed(x, x / 20_000 + random.normal(size=20_000))
    assert np.abs(mean_y - mean_x / 20_000).mean() < 0.1


def test_a_reduced_log_keeps_scores_that_few_records_have(tmp_path):
    path = tmp_path / "log.jsonl"
    records = [{"step": k, "images": k, "loss_d": 1.0, **({"fcd": 7.0} if k == 10 else {})} for k in range(1, 101)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    thin = read_log(path, at_most=16)
    assert len(thin) < 16
    assert [record["fcd"] for record in thin if "fcd" in record] == [7.0]
    assert thin[-1]["images"] == 100
