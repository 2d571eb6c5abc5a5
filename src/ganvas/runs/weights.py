"""Tensors on disk: safetensors, never pickle, and checked against what is wanted before they are loaded."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ganvas.files import DamagedError, open_regular, unreadable

# Our headers, names and shapes, take a few kilobytes; one that claims megabytes is no header of ours.
MAX_HEADER_BYTES = 4 << 20
DTYPES = {"torch.float32": "F32", "torch.int64": "I64"}


def to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """A safetensors file: equal tensors give equal bytes; there is no time, path or machine in it."""
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in sorted(tensors.items())})


def read_tensors(path: Path, wanted: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """The tensors of a file, if they are just those wanted: same names, shapes and types.

    wanted: may be meta tensors, which take no memory.
    prefix: only the tensors whose names begin with it; the result leaves it out.
    DamagedError otherwise, before anything large is read.
    """
    file = path.name
    try:
        with open_regular(path) as opened:
            header_bytes = int.from_bytes(opened.read(8), "little")
        if not 0 < header_bytes <= MAX_HEADER_BYTES:
            raise DamagedError(f"{file} is not a safetensors file, or its header is too large")
        with safe_open(path, framework="pt") as archive:
            names = {name.removeprefix(prefix) for name in archive.keys() if name.startswith(prefix)}  # noqa: SIM118
            if missing := sorted(wanted.keys() - names):
                raise DamagedError(f"{file} lacks {missing[0]}")
            if extra := sorted(names - wanted.keys()):
                raise DamagedError(f"{file} holds {extra[0]}, which this network does not have")
            for name, tensor in wanted.items():
                part, shape = archive.get_slice(prefix + name), tuple(tensor.shape)
                if tuple(part.get_shape()) != shape:
                    raise DamagedError(f"{file}: {name} has shape {tuple(part.get_shape())}, not {shape}")
                if str(part.get_dtype()) != (dtype := DTYPES[str(tensor.dtype)]):
                    raise DamagedError(f"{file}: {name} holds {part.get_dtype()}, not {dtype}")
            return {name: archive.get_tensor(prefix + name) for name in wanted}
    except OSError as error:
        raise unreadable(path, error) from None
    except SafetensorError as error:
        raise DamagedError(f"{file} is not a whole safetensors file ({error})") from None
