import json
import pickle
import struct
from time import monotonic

import pytest
import torch

from ganvas.files import DamagedError
from ganvas.runs import weights

WANTED = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4), "n": torch.tensor(7)}


def file_of(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(shape, begin, end, kind="F32"):
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


@pytest.fixture
def refused(tmp_path):
    def check(content, match):
        path = tmp_path / "generator.safetensors"
        path.write_bytes(content)
        began = monotonic()
        with pytest.raises(DamagedError, match=match) as caught:
            weights.read_tensors(path, WANTED)
        assert monotonic() - began < 20  # bounded, not fast: a bloated one would take for ever
        assert "generator.safetensors" in str(caught.value)

    return check


def test_what_was_written_is_read(tmp_path):
    (tmp_path / "x").write_bytes(weights.to_bytes(WANTED))
    result = weights.read_tensors(tmp_path / "x", WANTED)
    assert all(torch.equal(result[name], tensor) for name, tensor in WANTED.items())


def test_equal_tensors_are_equal_bytes_in_whatever_order_and_layout_they_come():
    image = torch.randn(2, 3, 4, 4)
    one = weights.to_bytes({"p": image, "b": WANTED["b"]})
    other = weights.to_bytes({"b": WANTED["b"], "p": image.contiguous(memory_format=torch.channels_last)})
    assert one == other


def test_a_prefix_picks_its_tensors_and_is_left_out_of_their_names(tmp_path):
    (tmp_path / "x").write_bytes(weights.to_bytes({"average/a": WANTED["a"], "generator/a": -WANTED["a"]}))
    result = weights.read_tensors(tmp_path / "x", {"a": WANTED["a"]}, prefix="average/")
    assert torch.equal(result["a"], WANTED["a"])


def test_what_is_wanted_may_take_no_memory(tmp_path):
    (tmp_path / "x").write_bytes(weights.to_bytes(WANTED))
    assert (
        weights.read_tensors(tmp_path / "x", {name: tensor.to("meta") for name, tensor in WANTED.items()})["b"].sum()
        == 4
    )


def test_a_missing_tensor_is_named(refused):
    refused(weights.to_bytes({"a": WANTED["a"], "n": WANTED["n"]}), "lacks b")


def test_an_extra_tensor_is_named(refused):
    refused(weights.to_bytes({**WANTED, "z": torch.ones(1)}), "holds z")


def test_a_wrong_shape_is_named(refused):
    refused(weights.to_bytes({**WANTED, "a": torch.zeros(3, 2)}), r"a has shape \(3, 2\), not \(2, 3\)")


def test_a_wrong_type_is_named(refused):
    refused(weights.to_bytes({**WANTED, "b": torch.ones(4, dtype=torch.bfloat16)}), "b holds BF16, not F32")


def test_a_header_that_claims_to_be_endless_is_refused(refused):
    refused(struct.pack("<Q", 2**63) + b"{}", "header is too large")


def test_a_bloated_header_is_refused(refused):
    many = {f"t{i}": entry([0], 0, 0) for i in range(100_000)}
    refused(file_of(many), "header is too large")


def test_a_header_within_its_bound_but_full_of_strangers_is_refused(refused):
    many = {f"t{i}": entry([0], 0, 0) for i in range(20_000)}
    refused(file_of(many), "lacks a")


def test_overlapping_tensors_are_refused(refused):
    header = {"a": entry([2, 3], 0, 24), "b": entry([4], 8, 24), "n": entry([], 24, 32, "I64")}
    refused(file_of(header, bytes(32)), "not a whole safetensors file")


def test_tensors_beyond_the_end_are_refused(refused):
    header = {"a": entry([2, 3], 0, 24), "b": entry([4], 24, 2**40), "n": entry([], 2**40, 2**40 + 8, "I64")}
    refused(file_of(header, bytes(64)), "not a whole safetensors file")


def test_a_shape_that_does_not_fit_its_bytes_is_refused(refused):
    header = {"a": entry([2**31, 2**31, 2**31], 0, 24), "b": entry([4], 24, 40), "n": entry([], 40, 48, "I64")}
    refused(file_of(header, bytes(48)), "not a whole safetensors file")


def test_a_header_that_is_nested_without_end_is_refused(refused):
    refused(file_of(b'{"a":' + b"[" * 1_000_000), "not a whole safetensors file")


def test_a_pickle_by_another_name_is_refused_and_does_not_run(refused, tmp_path):
    class Bomb:
        def __reduce__(self):
            return open, (str(tmp_path / "it ran"), "w")

    refused(pickle.dumps(Bomb()), "generator.safetensors")
    assert not (tmp_path / "it ran").exists()


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\0" * 64, b"PK\3\4" + b"\0" * 60])
def test_what_is_no_safetensors_file_is_refused(refused, content):
    refused(content, "generator.safetensors")


def test_every_cut_is_refused(refused):
    whole = weights.to_bytes(WANTED)
    for length in range(0, len(whole), 7):
        refused(whole[:length], "generator.safetensors")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DamagedError, match=r"generator.safetensors cannot be read"):
        weights.read_tensors(tmp_path / "generator.safetensors", WANTED)
