"""Checkpoints: written whole or not at all, verified when read, the last two kept.

A checkpoint is safetensors and JSON. It holds the networks, the average, the optimisers' state and how far training
is; every random draw follows from (seed, purpose, step), so nothing else has to be kept.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from ganvas import console, files
from ganvas.errors import RunFailedError
from ganvas.runs import sealed, weights
from ganvas.runs.folder import STATE, RunFolder
from ganvas.runs.record import State
from ganvas.training.trainer import Trainer

KEPT = 2
RECORD = "record.json"


def save_checkpoint(run: RunFolder, trainer: Trainer, state: State) -> None:
    """Writes the state after `state.step` steps. RunFailedError if it cannot be; the older ones are intact then."""
    folder, intact = run.checkpoint_folder, "what was saved before is intact"
    try:
        clear_leftovers(folder)
        before = run.checkpoints()
        intact = f"the last whole one, {before[-1].name}, is intact" if before else "there is none yet"
        newest = folder / f"step-{state.step:010d}"
        content = {STATE: weights.to_bytes(tensors(trainer)), RECORD: files.to_json(state.model_dump())}
        sealed.write_sealed(newest, content)
        # Later ones were refused as damaged when this part of the run began: they must not push out the whole ones.
        saved = run.checkpoints()
        end = saved.index(newest) + 1
        for old in [*saved[: max(0, end - KEPT)], *saved[end:]]:
            # Renamed first: killed while it is being removed, it must not look like a checkpoint.
            files.remove(old.rename(files.part_of(old)))
    except OSError as error:
        raise RunFailedError(
            f"the checkpoint could not be written to {folder} ({error.strerror or error}); {intact}. "
            "Make room, then give the same command again"
        ) from None


def load_checkpoint(run: RunFolder, trainer: Trainer) -> State | None:
    """Loads the newest whole checkpoint into the trainer and returns how far it is; None if there is none.

    A damaged one is refused by name, and the one before it used. `clear_leftovers` comes first.
    """
    for path in reversed(run.checkpoints()):
        try:
            sealed.verify_sealed(path, (STATE, RECORD))
            state = files.read_model(path / RECORD, State)
            saved = weights.read_tensors(path / STATE, wanted(trainer))
        except files.DamagedError as error:
            console.info(f"checkpoint {path.name} is damaged ({error}) and not used")
            continue
        with torch.no_grad():
            for name, network in _networks(trainer).items():
                network.load_state_dict({key: saved[f"{name}/{key}"] for key in network.state_dict()})
            for name, parameter, optimiser, key in _optimiser_entries(trainer):
                value = saved[name]
                # The fused update reads its state in the parameter's own memory layout, so it must lie alike.
                like = torch.empty_like(parameter) if value.dim() else torch.empty((), device=parameter.device)
                optimiser.state[parameter][key] = like.copy_(value)
        return state
    return None


def newest_whole(run: RunFolder) -> State | None:
    """How far the newest whole checkpoint is; None if there is none. Nothing is loaded."""
    for path in reversed(run.checkpoints()):
        try:
            sealed.verify_sealed(path, (STATE, RECORD))
            return files.read_model(path / RECORD, State)
        except files.DamagedError:
            continue
    return None


def clear_leftovers(folder: Path) -> None:
    """Removes what killed saves left; puts back a checkpoint that was being replaced."""
    for old in folder.glob(files.old_of(folder / "step-*").name):
        original = folder / old.name.removeprefix(".").removesuffix(".old")
        if original.exists():
            files.remove(old)
        else:
            old.rename(original)
    for part in folder.glob(files.part_of(folder / "step-*").name):
        files.remove(part)


def tensors(trainer: Trainer) -> dict[str, Tensor]:
    """Every tensor of a trainer by name."""
    state = _network_tensors(trainer)
    for name, parameter, optimiser, key in _optimiser_entries(trainer):
        # A layer that waits for full resolution has no state yet: zeros, as it would begin with.
        new = torch.zeros(()) if key == "step" else torch.zeros_like(parameter)
        state[name] = optimiser.state[parameter].get(key, new)
    return state


def wanted(trainer: Trainer) -> dict[str, Tensor]:
    """Meta tensors of the names, shapes and types that `tensors` has after the first step."""
    state = _network_tensors(trainer)
    for name, parameter, _, key in _optimiser_entries(trainer):
        state[name] = torch.empty(() if key == "step" else parameter.shape, device="meta")
    return state


def _optimiser_entries(trainer: Trainer) -> Iterator[tuple[str, Tensor, torch.optim.Optimizer, str]]:
    """(name in the checkpoint, parameter, optimiser, key of its state); plain SGD has no state."""
    for network, optimiser in trainer.optimisers.items():
        keys = ("step", "exp_avg", "exp_avg_sq") if isinstance(optimiser, torch.optim.Adam) else ()
        for index, parameter in enumerate(optimiser.param_groups[0]["params"]):
            for key in keys:
                yield f"optimiser/{network}/{index}/{key}", parameter, optimiser, key


def _networks(trainer: Trainer) -> dict[str, nn.Module]:
    is_averaged = trainer.ema is not None and trainer.ema.halflife_images > 0
    return {**trainer.networks, "average": trainer.ema.network} if trainer.ema and is_averaged else trainer.networks


def _network_tensors(trainer: Trainer) -> dict[str, Tensor]:
    return {
        f"{name}/{key}": tensor
        for name, network in _networks(trainer).items()
        for key, tensor in network.state_dict().items()
    }
