"""Tensors on disk: safetensors, never pickle, and checked against what is wanted before they are loaded."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ganvas.files import DamagedError, open_regular, unreadable

# A header says names and shapes. Ours take a few kilobytes; one that claims megabytes is no weights of ours.
LARGEST_HEADER_BYTES = 4 << 20


def to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """A safetensors file: equal tensors give equal bytes; there is no time, path or machine in it."""
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())})


def read(path: Path, wanted: Mapping[str, Tensor], prefix: str | None = None) -> dict[str, Tensor]:
    """The tensors of a file, if they are just those wanted: same names, shapes and types.

    wanted: may be meta tensors, which take no memory.
    prefix: only the tensors whose names begin so, which is then left out of the names.
    DamagedError otherwise, before anything large is read.
    """
    try:
        with open_regular(path) as file:
            header_bytes = int.from_bytes(file.read(8), "little")
        if not 0 < header_bytes <= LARGEST_HEADER_BYTES:
            raise DamagedError(f"{path.name} is not a safetensors file, or its header is too large")
        begin = prefix or ""
        with safe_open(path, framework="pt") as opened:
            names = [name for name in opened.keys() if name.startswith(begin)]  # noqa: SIM118
            found = {name.removeprefix(begin): opened.get_slice(name) for name in names}
            _compare(path.name, found, wanted)
            return {name: opened.get_tensor(begin + name) for name in wanted}
    except OSError as error:
        raise unreadable(path, error) from None
    except SafetensorError as error:
        raise DamagedError(f"{path.name} is not a whole safetensors file ({error})") from None


def _compare(file: str, found: Mapping[str, object], wanted: Mapping[str, Tensor]) -> None:
    if missing := sorted(wanted.keys() - found.keys()):
        raise DamagedError(f"{file} lacks {missing[0]}")
    if extra := sorted(found.keys() - wanted.keys()):
        raise DamagedError(f"{file} holds {extra[0]}, which this network does not have")
    for name, tensor in wanted.items():
        part = found[name]
        shape, kind = tuple(part.get_shape()), str(part.get_dtype())  # type: ignore[attr-defined]
        if shape != tuple(tensor.shape):
            raise DamagedError(f"{file}: {name} has shape {shape}, not {tuple(tensor.shape)}")
        if kind != (expected := DTYPES[str(tensor.dtype)]):
            raise DamagedError(f"{file}: {name} holds {kind}, not {expected}")


DTYPES = {"torch.float32": "F32", "torch.int64": "I64"}
