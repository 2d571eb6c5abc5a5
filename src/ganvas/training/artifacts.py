"""Previews during a run; bundles, charts and held-out results at its end."""

from pathlib import Path

import numpy as np

from ganvas import console, files, images, sheets
from ganvas.config.run import ResolvedRun
from ganvas.data.label_names import PartialLabel
from ganvas.data.prepared import PreparedSet
from ganvas.evaluation.advice import Seen, advice_for
from ganvas.evaluation.intervals import Estimate
from ganvas.evaluation.pixel_statistics import compare_statistics, of_images
from ganvas.evaluation.predict import accuracy, confusion_matrix, eval_mode, predict
from ganvas.evaluation.samples import draw_samples, subsample
from ganvas.networks.inspect import feature_maps, first_weight
from ganvas.report import charts
from ganvas.report.log import read_log
from ganvas.runs import bundle
from ganvas.runs.bundle import Bundle, BundleInfo
from ganvas.runs.folder import RunFolder
from ganvas.runs.record import ClassifierResults, RunRecord
from ganvas.sampling import Sampler
from ganvas.training.trainer import Trainer

PREVIEW_COLUMNS = 8
MAX_PREVIEW_CLASSES = 20
RECORDS_PER_CHART = 4000
GENERATED_FOR_ADVICE, REAL_FOR_ADVICE = 500, 2_000


def save_preview(trainer: Trainer, info: BundleInfo, path: Path) -> dict[str, float]:
    """Saves images of fixed noise, a row a class: the ones that `ganvas sample` generates with the run's seed.

    Of labels of several parts a row for each of their commonest combinations.

    Returns their `spread`: a pixel's standard deviation within a class, in grey levels. It falls where all images of a
    class become one.
    """
    assert trainer.ema is not None
    labels: list[PartialLabel | None] = [None] * (2 * PREVIEW_COLUMNS)
    if space := info.label_space:
        rows = space.commonest(MAX_PREVIEW_CLASSES)
        labels = [space.combinations[row] for row in rows for _ in range(PREVIEW_COLUMNS)]
    with eval_mode(trainer.ema.network) as network:
        pixels = Sampler(Bundle(info, {"generator": network})).sample_labels(labels, info.seed)
    images.save_png(sheets.enlarge(sheets.grid(pixels, PREVIEW_COLUMNS), least_side=400), path)
    per_class = PREVIEW_COLUMNS if space else len(pixels)
    groups = pixels.reshape(-1, per_class, *pixels.shape[1:]).astype(np.float64)  # (K, N/K, C, H, W)
    return {"spread": round(float(np.sqrt(groups.var(axis=1).mean())), 3)}


def write_bundles(trainer: Trainer, record: RunRecord, images: int, folder: RunFolder, stopped: bool) -> None:
    """Writes the bundle: the last state; or the best one, where the last scored worse or the watchdog stopped the run.

    The last state is then written beside it, as `last`.
    """
    files.remove(folder.last)  # of the run before it was trained further
    info, networks = bundle.bundle_info(record, images), trainer.bundle_networks()
    scores = {line["images"]: line["kid"] for line in read_log(folder.log) if "kid" in line}
    best_images = min(scores, key=lambda count: (scores[count], -count)) if scores else images
    if (stopped or best_images != images) and folder.best.is_dir():
        best = bundle.read_bundle(folder.best)
        bundle.write_bundle(folder.last, info, networks)
        info, networks = best.info, best.networks
        reason, last = "the watchdog stopped the run", scores.get(max(scores, default=0))
        if last is not None:
            reason = f"KID {scores[best_images]:.3g} against {last:.3g} at the end"
        which = f"the best state, after {info.images} of {images} images ({reason})"
        console.info(f"the bundle is {which}; the last is beside it")
    bundle.write_bundle(folder.bundle, info, networks)


def advice_after(folder: RunFolder, prepared: PreparedSet) -> str:
    """What to try next, from the statistics of pixels of some images of the bundle, and its score if it has one."""
    sampler = Sampler(bundle.read_bundle(folder.bundle))
    generated = draw_samples(sampler, prepared, GENERATED_FOR_ADVICE, sampler.info.seed).pixels
    real = prepared.pixels[subsample(np.asarray(prepared.train), prepared.labels, REAL_FOR_ADVICE)]
    statistics = compare_statistics(of_images(generated), of_images(real))
    scores = {line["images"]: line["auc"] for line in read_log(folder.log) if "auc" in line}
    auc = scores.get(sampler.info.images)
    return advice_for(Seen(statistics, sampler.info.recipe, None if auc is None else Estimate(auc, auc, auc)))


def draw_charts(
    run: ResolvedRun, trainer: Trainer, prepared: PreparedSet, results: ClassifierResults | None, folder: RunFolder
) -> None:
    """Charts of losses, D's scores, gradients, first kernels and feature maps; a classifier's confusion matrix."""
    records = read_log(folder.log, at_most=RECORDS_PER_CHART)
    charts.training(records, folder.charts)
    if results is not None:
        charts.draw_confusion(np.array(results.confusion), prepared.classes, folder.charts / "confusion.png")
    name = "discriminator" if "discriminator" in trainer.networks else "classifier"
    network, image_shape = trainer.networks[name], (prepared.channels, *prepared.size)
    charts.draw_kernels(first_weight(network), folder.charts / "kernels.png", f"First layer of the {name}", image_shape)
    row = int(prepared.train[0])
    pixels = np.array(prepared.pixels[row])
    takes_label = name == "discriminator" and run.labels == "on"
    label = None
    if takes_label and prepared.labels is not None:
        label = prepared.label_space.combinations[int(prepared.labels[row])]
    if maps := feature_maps(network, pixels, label):
        charts.draw_feature_maps(maps, pixels, folder.charts / "features.png")


def classifier_results(trainer: Trainer, prepared: PreparedSet) -> ClassifierResults | None:
    """A classifier's accuracy on held-out images; None for a GAN, which `evaluate` scores."""
    classifier = trainer.networks.get("classifier")
    if classifier is None or not len(prepared.held_out):
        return None
    assert prepared.labels is not None
    labels = np.asarray(prepared.labels[prepared.held_out])
    predicted = predict(classifier, prepared.pixels[prepared.held_out]).argmax(1)
    return ClassifierResults(
        held_out=len(labels),
        accuracy=accuracy(labels, predicted),
        confusion=confusion_matrix(labels, predicted, len(prepared.classes)).tolist(),
    )
