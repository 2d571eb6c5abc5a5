"""What a run shows of itself: previews on the way, charts and held-out results at its end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganvas import console, evaluation, images
from ganvas.config.run import RunConfig
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.predict import eval_mode
from ganvas.networks.layers import PatchDCT
from ganvas.report import charts
from ganvas.report.log import read_log
from ganvas.runs import bundle
from ganvas.runs.bundle import Bundle, BundleInfo
from ganvas.runs.folder import RunFolder
from ganvas.sampling import Sampler
from ganvas.training.trainer import Trainer

PREVIEW_COLUMNS = 8
LONGEST_PREVIEW_CLASSES = 20
RECORDS_A_CHART = 4000


def save_preview(game: Trainer, card: BundleInfo, path: Path) -> dict[str, float]:
    """Saves images of fixed noise, a row a class: the same ones that `sample` draws of the run's seed.

    Gives their `spread` within a class, which falls where all images of a class become one.
    """
    assert game.ema is not None
    with eval_mode(game.ema.network) as network:
        sampler = Sampler(Bundle(card, {"generator": network}))
        if card.classes:
            shown = card.classes[:LONGEST_PREVIEW_CLASSES]
            pixels = sampler.sample([name for name in shown for _ in range(PREVIEW_COLUMNS)], card.seed)
        else:
            pixels = sampler.sample(2 * PREVIEW_COLUMNS, card.seed)
    images.save_png(images.enlarge(images.grid(pixels, PREVIEW_COLUMNS), least_side=400), path)
    return {"spread": round(within_class_deviation(pixels, PREVIEW_COLUMNS if card.classes else len(pixels)), 3)}


def within_class_deviation(pixels: images.Pixels, together: int) -> float:
    """The standard deviation of a pixel, in grey levels, within each `together` images (N, C, H, W) in a row."""
    groups = pixels.reshape(-1, together, *pixels.shape[1:]).astype(np.float64)
    return float(np.sqrt(groups.var(axis=1).mean()))


def write_bundles(game: Trainer, known: dict[str, Any], images: int, folder: RunFolder, stopped: bool) -> None:
    """Writes the bundle: the last state; or, where it was scored worse than an earlier one or went wrong, the best.

    The last state then lies beside it, under `last`.
    """
    card, networks = bundle.bundle_info(known, images), game.bundle_networks()
    scores = {record["images"]: record["fcd"] for record in read_log(folder.log) if "fcd" in record}
    best_images = min(scores, key=lambda seen: (scores[seen], -seen)) if scores else images
    if (stopped or best_images != images) and folder.best.is_dir():
        best = bundle.read(folder.best)
        bundle.write(folder.last, card, networks)
        card, networks = best.card, best.networks
        last = scores.get(max(scores, default=0))
        why = "it went wrong" if last is None else f"FCD {scores[best_images]:.3g} against {last:.3g} at the end"
        console.info(
            f"the bundle is the best state, after {card.images} of {images} images ({why}); the last is beside it"
        )
    bundle.write(folder.bundle, card, networks)


def draw_charts(
    run: RunConfig, game: Trainer, prepared: PreparedSet, found: Mapping[str, Any], folder: RunFolder
) -> None:
    """Losses, D's scores, gradients, first kernels and feature maps; a classifier's confusion matrix, of `results`."""
    records = read_log(folder.log, at_most=RECORDS_A_CHART)
    charts.losses(records, folder.charts / "losses.png")
    charts.scores(records, folder.charts / "scores.png")
    charts.gradients(records, folder.charts / "gradients.png")
    charts.quick_scores(records, folder.charts)
    if "confusion" in found:
        charts.confusion(np.array(found["confusion"]), prepared.classes, folder.charts / "confusion.png")
    is_pair = "discriminator" in game.networks
    looking = game.networks["discriminator" if is_pair else "classifier"]
    image = (prepared.channels, prepared.size, prepared.size)
    title = f"What {'D' if is_pair else 'the classifier'}'s first layer looks for"
    charts.kernels(first_weight(looking), folder.charts / "kernels.png", title, image)
    row = int(prepared.train[0])
    pixels = np.array(prepared.pixels[row])
    told = prepared.labels is not None and run.labels == "on" and is_pair
    label = int(prepared.labels[row]) if told and prepared.labels is not None else None
    if maps := feature_maps(looking, pixels, label):
        charts.feature_maps(maps, pixels, folder.charts / "features.png")


def classifier_results(game: Trainer, prepared: PreparedSet) -> dict[str, Any]:
    """What a classifier gets right on held-out images; nothing for a pair, whose scores are another command's."""
    classifier = game.networks.get("classifier")
    if classifier is None or not len(prepared.held_out):
        return {}
    assert prepared.labels is not None
    labels = np.asarray(prepared.labels[prepared.held_out])
    predicted = evaluation.predict(classifier, prepared.pixels[prepared.held_out]).argmax(1)
    return {
        "held_out": len(labels),
        "accuracy": evaluation.accuracy(labels, predicted),
        "confusion": evaluation.confusion(labels, predicted, len(prepared.classes)).tolist(),
    }


def first_weight(network: nn.Module) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The weight of the first convolution or linear layer: (O, I, kH, kW) or (O, I), as pixels see it."""
    fold: nn.PixelUnshuffle | None = None
    for module in network.modules():
        if isinstance(module, nn.PixelUnshuffle):
            fold = module
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            weight = module.weight.detach().double()
            weight = fold.in_pixels(weight) if isinstance(fold, PatchDCT) else weight
            return (F.pixel_shuffle(weight, fold.downscale_factor) if fold else weight).cpu().numpy()
    raise AssertionError("a network without a layer")


@torch.no_grad()
def feature_maps(
    network: nn.Module, pixels: images.Pixels, label: int | None
) -> Mapping[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """What the first, a middle and the last convolution make of an image (C, H, W): (C', H', W') each, by name."""
    found: list[Tensor] = []
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    hooks = [module.register_forward_hook(lambda _m, _i, out: found.append(out[0])) for module in convolutions]
    training = network.training
    device = next(network.parameters()).device
    try:
        network.eval()
        batch = images.from_uint8(torch.from_numpy(pixels[None])).to(device)
        network(batch) if label is None else network(batch, torch.tensor([label], device=device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    if not found:
        return {}
    chosen = dict(zip(("low", "middle", "high"), (0, len(found) // 2, len(found) - 1), strict=True))
    if len(found) == 1:
        chosen = {"low": 0}
    elif len(found) == 2:
        chosen = {"low": 0, "high": 1}
    return {name: found[place].double().cpu().numpy() for name, place in chosen.items()}
