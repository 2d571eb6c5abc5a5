"""ONNX computes what PyTorch does, and a file of others is read with care."""

import json
import pickle
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image

import ganvas.export.onnx as export
from ganvas.config.recipes import RECIPES
from ganvas.errors import RunFailedError, UserError
from ganvas.export.onnx import check_onnx, to_fidelity, to_onnx
from ganvas.images import to_uint8
from ganvas.networks.classifier import BookClassifier

WITH_GENERATOR = [name for name in RECIPES if not isinstance(RECIPES[name]("x").pair, BookClassifier)]


def run_model(content, *inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    (images,) = session.run(None, dict(zip(names, (each.numpy() for each in inputs), strict=True)))
    return images


@pytest.mark.parametrize("recipe", WITH_GENERATOR)
def test_the_model_of_every_recipe_computes_what_pytorch_does_at_any_batch(exportable, exported, recipe):
    run = exportable(recipe)
    content = exported(recipe)
    for batch in (1, 3, 32):
        noise = torch.randn(batch, run.generator.noise_size)
        weights = torch.rand(batch, 3).softmax(1)
        weights[0] = torch.tensor([0.0, 1.0, 0.0])
        expected = run.generator(noise, weights).numpy()
        assert expected.std() > 0
        images = run_model(content, noise, weights)
        assert images.dtype == np.float32
        assert images.shape == (batch, 3, 19, 19)
        assert abs(images - expected).max() <= 1e-5


@pytest.mark.parametrize("choices", [{"attention": True}, {"blur": "colour"}])
def test_the_choices_of_a_pair_are_in_the_model(exportable, exported, choices):
    run = exportable(**choices)
    noise, weights = torch.randn(3, 4), torch.eye(3)
    assert abs(run_model(exported(**choices), noise, weights) - run.generator(noise, weights).numpy()).max() <= 1e-5


def test_a_generator_without_classes_takes_noise_alone(exportable):
    run = exportable("book-gan", classes=(), channels=1, size=16)
    noise = torch.randn(5, run.generator.noise_size)
    assert abs(run_model(to_onnx(run), noise) - run.generator(noise).numpy()).max() <= 1e-5


def test_a_model_says_what_it_is(exportable):
    run = exportable(classes=("cat", 'a "b"\n', "<script>", "고양이"))
    model = onnx.load_model_from_string(to_onnx(run))
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(said["ganvas.classes"]) == ["cat", 'a "b"\n', "<script>", "고양이"]
    assert said["ganvas.digest"] == run.digest()
    assert (said["ganvas.recipe"], said["ganvas.images"]) == ("modern", "100")
    assert [each.name for each in model.graph.input] == ["noise", "weights"]
    assert [each.name for each in model.graph.output] == ["images"]
    assert max(each.version for each in model.opset_import) <= 20


def test_equal_weights_give_equal_bytes_and_name_no_file_of_this_machine(exportable, exported):
    content = exported("modern")
    assert content == to_onnx(exportable("modern"))
    model = onnx.load_model_from_string(content)
    assert not [node.name for node in model.graph.node if node.metadata_props or node.doc_string]
    assert not re.search(
        rb'File "|\.py\b|site-packages|' + re.escape(str(Path(export.__file__).parent)).encode(), content
    )


def test_the_digest_is_that_of_the_weights(exportable):
    one, other = exportable(), exportable()
    assert one.digest() == other.digest()
    next(other.generator.parameters()).data[0] += 1
    assert one.digest() != other.digest()


@pytest.mark.parametrize("damage", [1e-3, float("nan")])
def test_a_model_that_differs_from_pytorch_is_not_written(exportable, exported, monkeypatch, damage):
    content = exported("modern")
    monkeypatch.setattr(export, "convert", lambda *_: content)
    run = exportable("modern")
    list(run.generator.parameters())[-1].data += damage
    with pytest.raises(RunFailedError, match=r"differs from PyTorch by .* in a batch of 1, .* nothing was written"):
        to_onnx(run)


@pytest.mark.parametrize("channels", [1, 3])
def test_torch_fidelity_gets_bytes_in_three_channels_from_noise_alone(exportable, channels):
    run = exportable(channels=channels)
    z = run.generator.noise_size
    noise = torch.randn(40, z + 3)
    # What its command line passes: --input1-model-z-size Z+K --input1-model-z-type normal --input1-model-num-classes 0
    pixels = run_model(to_fidelity(run), noise)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (40, 3, 19, 19)
    labels = noise[:, z:].argmax(1)
    assert len(set(labels.tolist())) == 3
    expected = to_uint8(run.generator(noise[:, :z], labels)).expand(-1, 3, -1, -1).numpy()
    assert abs(pixels.astype(int) - expected).max() <= 1


def test_torch_fidelity_gets_a_generator_without_classes_too(exportable):
    run = exportable(classes=())
    noise = torch.randn(2, run.generator.noise_size)
    expected = to_uint8(run.generator(noise)).numpy()
    assert abs(run_model(to_fidelity(run), noise).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("name", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_library_is_named_with_what_to_install(exportable, monkeypatch, name):
    monkeypatch.setattr(export, "find_spec", lambda asked: None if asked == name else "there")
    with pytest.raises(UserError, match=rf"^ONNX needs {name}, .*pip install 'ganvas\[onnx\]'$"):
        to_onnx(exportable())


def model_of(*nodes, tensors=(), opset=18, functions=(), domains=()):
    """A small model of one float input x (N, 2) and one output y."""
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])],
        initializer=list(tensors),
    )
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=10)


def elsewhere(name="w", place="../../etc/passwd"):
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", place
    return tensor


ADD = helper.make_node("Add", ["x", "w"], ["y"])
W = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])


def inner(tensor):
    """A branch of an If that holds the tensor."""
    node = helper.make_node("Constant", [], ["z"], value=tensor)
    return helper.make_graph([node], "inner", [], [helper.make_tensor_value_info("z", TensorProto.FLOAT, [2])])


HIDDEN = helper.make_node("If", ["c"], ["y"], then_branch=inner(elsewhere()), else_branch=inner(W))
UNMARKED = elsewhere()
UNMARKED.data_location = TensorProto.DEFAULT
FUNCTION = helper.make_function("ours", "F", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], [])


def test_a_small_model_of_others_runs():
    session = check_onnx(model_of(ADD, tensors=[W]).SerializeToString())
    (y,) = session.run(None, {"x": np.ones((3, 2), np.float32)})
    assert np.array_equal(y, [[2, 3]] * 3)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (model_of(ADD, tensors=[elsewhere()]), "its tensor 'w' lies in another file"),
        (model_of(ADD, tensors=[elsewhere(place="/etc/passwd")]), "its tensor 'w' lies in another file"),
        (model_of(ADD, tensors=[UNMARKED]), "its tensor 'w' lies in another file"),
        (model_of(HIDDEN), "its tensor 'w' lies in another file"),
        (model_of(ADD, tensors=[W], opset=21), "its opset is 21, above 20"),
        (model_of(helper.make_node("F", ["x"], ["y"], domain="evil"), domains=["evil"]), "operator 'F' is not ONNX's"),
        (model_of(ADD, tensors=[W], functions=[FUNCTION], domains=["ours"]), "it defines operators of its own"),
        (onnx.ModelProto(), "it holds no network"),
    ],
)
def test_a_model_that_reaches_out_of_its_file_is_refused(model, reason):
    with pytest.raises(UserError, match=re.escape(reason)):
        check_onnx(model.SerializeToString())


@pytest.mark.parametrize("content", [b"", b"no model", pickle.dumps({"a": 1}), b"\x00" * 1000, b"\xff" * 1000])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(UserError, match=r"no ONNX model|holds no network"):
        check_onnx(content)


def test_a_cut_or_changed_model_is_refused_or_runs_and_never_crashes(exported):
    content = exported("modern")
    for end in range(0, len(content), len(content) // 20):
        with pytest.raises(UserError):
            check_onnx(content[:end])


def test_a_model_that_is_too_large_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(export, "MAX_BYTES", 1 << 20)
    with pytest.raises(UserError, match="has 2 MB; at most 1 MB"):
        check_onnx(bytes(2 << 20))


def test_a_model_that_cannot_run_is_refused():
    with pytest.raises(UserError, match="does not run"):
        check_onnx(model_of(helper.make_node("Add", ["x", "missing"], ["y"])).SerializeToString())


def test_the_example_in_the_documents_needs_onnxruntime_alone(exported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for channels in (1, 3):  # grey and colour
        Path("generator.onnx").write_bytes(exported("modern", channels=channels))
        text = (Path(__file__).parents[2] / "docs" / "export.md").read_text("utf-8")
        (code,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        assert "torch" not in code
        assert "ganvas" not in code.replace("ganvas.classes", "")
        exec(compile(code, "export.md", "exec"), {})
        with Image.open("first.png") as image:
            assert image.size == (19, 19)
