"""A generator as ONNX: (noise, label weights) -> images, for any program with an ONNX runtime.

The only file that imports `onnx` and `onnxruntime`. What is written is compared with PyTorch first, and holds no path,
no time and no line of code: equal weights give equal bytes.
"""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ganvas.errors import RunFailedError, UserError, quiet_loggers
from ganvas.export.exportable import Exportable
from ganvas.images import to_uint8
from ganvas.networks.pair import Generator
from ganvas.rng import stream

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession

OPSET = 18  # what PyTorch's exporter writes natively; 20 and below are read by every runtime of the last years
HIGHEST_OPSET = 20
TOLERANCE = 1e-5
BATCHES = (1, 3, 32)  # that are compared
MODEL, FIDELITY = "generator.onnx", "generator-fidelity.onnx"
MAX_BYTES = 1 << 30
STANDARD = ("", "ai.onnx")  # the domains of operators that every runtime has


class WeightedGenerator(nn.Module):
    """(noise (N, Z), weights (N, K)) -> images (N, C, H, W) float in [-1, 1]; of noise alone without classes."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, noise: Tensor, weights: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W)."""
        images: Tensor = self.generator(noise, weights)
        return images


class FidelityGenerator(nn.Module):
    """noise (N, Z + K) -> (N, 3, H, W) uint8, as torch-fidelity reads a generator without labels.

    Its 0.4.0 cannot draw labels beside NumPy 1.24 and later. So the label is the largest of the last K normal values,
    which makes all K classes equally frequent. Grey images are repeated in three channels; transparent ones lie on
    white.
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, noise: Tensor) -> Tensor:
        """Pixels (N, 3, H, W)."""
        size, classes = self.generator.noise_size, self.generator.classes
        labels = None
        if classes:
            labels = nn.functional.one_hot(noise[:, size:].argmax(1), classes).float()
        images = self.generator(noise[:, :size], labels)  # (N, Z) -> (N, C, H, W)
        if images.shape[1] == 4:
            opacity = (images[:, 3:] + 1) / 2
            images = images[:, :3] * opacity + (1 - opacity)
        return to_uint8(images.expand(-1, 3, -1, -1))


def onnx_files(run: Exportable) -> dict[str, bytes]:
    """The files of `ganvas export RUN --to onnx`. Errors as of `to_onnx`."""
    if run.info.labels is not None:  # torch-fidelity draws one class
        return {MODEL: to_onnx(run)}
    return {MODEL: to_onnx(run), FIDELITY: to_fidelity(run)}


def to_onnx(run: Exportable) -> bytes:
    """The generator as an ONNX model, once it is known to agree with PyTorch.

    Inputs `noise` (N, Z) and `weights` (N, K), which is absent without classes; output `images` (N, C, H, W) float32
    in [-1, 1]. RunFailedError if it differs by more than 1e-5 at a batch of 1, 3 or 32. UserError where a library is
    missing.
    """
    module = WeightedGenerator(run.generator)
    inputs = {"noise": run.generator.noise_size}
    content = convert(module, inputs | ({"weights": classes} if (classes := run.generator.classes) else {}), run)
    require_agreement(module, content, run.name, TOLERANCE)
    return content


def to_fidelity(run: Exportable) -> bytes:
    """The generator in the form that torch-fidelity reads: see `FidelityGenerator`. Errors as of `to_onnx`."""
    module = FidelityGenerator(run.generator)
    content = convert(module, {"noise": run.generator.noise_size + run.generator.classes}, run)
    require_agreement(module, content, run.name, 1)  # a value between two grey levels may be rounded to either
    return content


def convert(module: nn.Module, inputs: dict[str, int], run: Exportable) -> bytes:
    """A module that computes `images` from inputs (N, values), by their names, as an ONNX model with a dynamic N."""
    require_libraries()
    module.eval()
    batch = torch.export.Dim("N", min=1)
    # Two rows: the exporter would take a single one for a constant.
    examples = tuple(torch.zeros(2, values) for values in inputs.values())
    with quiet_exporter(), torch.no_grad():
        program = torch.onnx.export(
            module,
            examples,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=["images"],
            dynamic_shapes=tuple({0: batch} for _ in inputs),
            verbose=False,
        )
    assert program is not None
    model = without_traces(program.model_proto)
    model.producer_name, model.producer_version = "ganvas", run.info.ganvas
    for key, value in run.facts().items():
        entry = model.metadata_props.add()
        # As JSON where it is no text already: a class's name may hold any character.
        entry.key, entry.value = f"ganvas.{key}", value if isinstance(value, str) else json.dumps(value)
    return bytes(model.SerializeToString(deterministic=True))


def without_traces(model: "ModelProto") -> "ModelProto":
    """The model without what the exporter notes of the code it came from, which names files of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.ClearField("doc_string")
    del graph.value_info[:]  # shapes of inner values, which a runtime infers
    return model


def check_onnx(content: bytes) -> "InferenceSession":
    """A session of a model that holds all it needs and nothing else.

    UserError, in bounded time and memory, for what is no ONNX model, is larger than 1 GB, reads other files, or uses
    operators that are not ONNX's own at opset 20 or below.
    """
    require_libraries()
    import onnx
    import onnxruntime

    if len(content) > MAX_BYTES:
        raise UserError(f"the ONNX model has {len(content) >> 20} MB; at most {MAX_BYTES >> 20} MB are read")
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise UserError(f"this is no ONNX model: {' '.join(str(error).split())[:120]}") from None
    if refusal := refusal_of_model(model):
        raise UserError(f"the ONNX model is refused: {refusal}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        onnx.checker.check_model(model)
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise UserError(f"the ONNX model does not run: {' '.join(str(error).split())[:120]}") from None


def refusal_of_model(model: "ModelProto") -> str | None:
    """Why a model is not read, before anything in it is; None for one that may be."""
    if not model.graph.node or not model.graph.output:
        return "it holds no network"
    for entry in model.opset_import:
        if entry.domain in STANDARD and entry.version > HIGHEST_OPSET:
            return f"its opset is {entry.version}, above {HIGHEST_OPSET}"
    if model.functions:
        return "it defines operators of its own"
    for message in messages_in(model.graph):
        name = type(message).__name__
        if name == "TensorProto" and (message.external_data or message.data_location == message.EXTERNAL):
            return f"its tensor {message.name!r} lies in another file"
        if name == "NodeProto" and message.domain not in STANDARD:
            return f"its operator {message.op_type!r} is not ONNX's own"
    return None


def messages_in(message: Any) -> Iterator[Any]:
    """A protobuf message and all those in it, however deep: tensors also lie in attributes and inner graphs."""
    waiting = [message]
    while waiting:
        yield (current := waiting.pop())
        for field, value in current.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting += [value] if hasattr(value, "ListFields") else value


def require_agreement(module: nn.Module, content: bytes, name: str, tolerance: float) -> None:
    """RunFailedError unless the model computes what the module does, within the tolerance, at each of BATCHES."""
    session = check_onnx(content)
    for batch in BATCHES:
        feeds = feeds_for(session, batch)
        with torch.inference_mode():
            expected = module(*map(torch.from_numpy, feeds.values())).numpy()
        images = session.run(None, feeds)[0]
        if images.shape != expected.shape or images.dtype != expected.dtype:
            difference = float("inf")
        else:
            difference = float(abs(images.astype(np.float64) - expected).max())
        if not difference <= tolerance:  # also where it is no number
            raise RunFailedError(
                f"the ONNX model of {name} differs from PyTorch by {difference:.2g} in a batch of {batch}, and at most "
                f"{tolerance:g} is allowed: nothing was written"
            )


def feeds_for(session: "InferenceSession", batch: int) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Inputs of a model: normal noise, and labels that are one class, or lie between all."""
    feeds = {}
    for number, given in enumerate(session.get_inputs()):
        shape = (batch, int(given.shape[1]))
        values = torch.randn(shape, generator=stream(batch, f"export/{given.name}", number))
        if given.name == "weights":
            single = nn.functional.one_hot(values.argmax(1), shape[1]).float()
            mixed = values.softmax(1)
            values = torch.where(torch.arange(batch)[:, None] % 2 == 0, single, mixed)
        feeds[given.name] = values.numpy()
    return feeds


def require_libraries() -> None:
    """UserError with what to install, unless everything that ONNX needs is there."""
    for name in ("onnx", "onnxscript", "onnxruntime"):  # PyTorch's exporter imports the second one
        if find_spec(name) is None:
            raise UserError(f"ONNX needs {name}, which is not installed: pip install 'ganvas[onnx]'")


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Hides what PyTorch's exporter says of itself: nobody here can act on it."""
    with quiet_loggers("torch.onnx", "onnxscript", level=logging.ERROR), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
