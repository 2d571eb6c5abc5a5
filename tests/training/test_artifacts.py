import pytest
import torch

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig
from ganvas.report.log import read_log
from ganvas.runs import bundle
from ganvas.training import artifacts
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer


def test_a_run_leaves_its_charts_and_previews(tiny_run):
    result = {p.name for p in tiny_run.charts.iterdir()}
    assert result == {"losses.png", "scores.png", "gradients.png", "kernels.png", "features.png"}
    assert [p.name for p in sorted(tiny_run.previews.iterdir())] == ["0000000080.png", "0000000160.png"]


def test_a_classifier_writes_a_confusion_matrix_and_reports_its_accuracy(tiny_source, small, tmp_path, capsys):
    from ganvas.cli.train import report_results
    from ganvas.training.run import TrainRequest, train

    run = train(TrainRequest(str(tiny_source), "book-classifier", small("book-classifier")), tmp_path / "run")
    assert (run.charts / "confusion.png").is_file()
    report_results(run)
    results = run.read().results
    assert f"accuracy {results.accuracy:.4f} on {results.held_out} held-out" in capsys.readouterr().out


def test_the_log_is_what_the_charts_read(tiny_run):
    assert [record["images"] for record in read_log(tiny_run.log)] == list(range(8, 161, 8))


@pytest.mark.parametrize("recipe", ["modern", "book-conv"])
def test_a_preview_changes_nothing_of_the_trainer(tiny_source, tiny_prepared, small, tiny_run, tmp_path, recipe):
    run = configure(str(tiny_source), recipe, small(recipe, labels="on"))
    run = resolve(run, tiny_prepared, ComputeConfig(1, "float32", "contiguous"))
    trainer = build_trainer(run, tiny_prepared, Engine.for_trials(ComputeConfig(1, "float32", "contiguous")))
    record = tiny_run.read().model_copy(update={"run": run})
    before = {n: {k: v.clone() for k, v in m.state_dict().items()} for n, m in trainer.networks.items()}
    modes = {n: [m.training for m in network.modules()] for n, network in trainer.networks.items()}
    artifacts.save_preview(trainer, bundle.bundle_info(record, 8), tmp_path / "p.png")
    assert (tmp_path / "p.png").is_file()
    assert modes == {n: [m.training for m in network.modules()] for n, network in trainer.networks.items()}
    for name, network in trainer.networks.items():
        assert all(torch.equal(value, before[name][key]) for key, value in network.state_dict().items())


def test_of_many_classes_a_preview_shows_the_first_twenty(tiny_run, monkeypatch, tmp_path):
    asked = []

    class Watched(artifacts.Sampler):
        def sample_labels(self, labels, seed=0, truncation=None):
            asked.extend(labels)
            return super().sample_labels(labels, seed, truncation)

    monkeypatch.setattr(artifacts, "Sampler", Watched)
    result = bundle.read_bundle(tiny_run.bundle).info
    info = bundle.BundleInfo(**{**result.model_dump(), "classes": tuple(f"c{k}" for k in range(30))})
    generator = info.networks()["generator"]

    class Trainer:
        ema = type("A", (), {"network": generator})()

    artifacts.save_preview(Trainer(), info, tmp_path / "p.png")
    assert asked == [(k,) for k in range(20) for _ in range(8)]
