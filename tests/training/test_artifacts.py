import numpy as np
import pytest
import torch
from torch import nn

from ganvas.config.recipes import configure
from ganvas.config.resolve import resolve
from ganvas.config.run import ComputeConfig
from ganvas.networks.book import BookConv
from ganvas.networks.pair import Shape
from ganvas.report.log import read_log
from ganvas.runs import bundle
from ganvas.training import artifacts
from ganvas.training.engine import Engine
from ganvas.training.trainer import build_trainer


def test_a_run_leaves_its_charts_and_previews(tiny_run):
    found = {p.name for p in tiny_run.charts.iterdir()}
    assert found == {"losses.png", "scores.png", "gradients.png", "kernels.png", "features.png"}
    assert [p.name for p in sorted(tiny_run.previews.iterdir())] == ["0000000080.png", "0000000160.png"]


def test_a_classifier_leaves_a_confusion_matrix_and_says_its_accuracy(tiny_source, small, tmp_path, capsys):
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
def test_a_preview_changes_nothing_of_the_game(tiny_source, tiny_prepared, small, tiny_run, tmp_path, recipe):
    run = configure(str(tiny_source), recipe, small(recipe, labels="on"))
    run = resolve(run, tiny_prepared, ComputeConfig(1, "float32", "contiguous"))
    game = build_trainer(run, tiny_prepared, Engine.for_trials(ComputeConfig(1, "float32", "contiguous")))
    record = tiny_run.read().model_copy(update={"run": run})
    before = {n: {k: v.clone() for k, v in m.state_dict().items()} for n, m in game.networks.items()}
    modes = {n: [m.training for m in network.modules()] for n, network in game.networks.items()}
    artifacts.save_preview(game, bundle.bundle_info(record, 8), tmp_path / "p.png")
    assert (tmp_path / "p.png").is_file()
    assert modes == {n: [m.training for m in network.modules()] for n, network in game.networks.items()}
    for name, network in game.networks.items():
        assert all(torch.equal(value, before[name][key]) for key, value in network.state_dict().items())


def test_the_first_weight_is_the_first_layers():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.Linear(2, 1))
    assert np.allclose(artifacts.first_weight(network), network[1].weight.detach())


def test_the_first_weight_of_a_folded_image_is_unfolded():
    network = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, 3, 2, stride=2, bias=False))
    weight = artifacts.first_weight(network)
    assert weight.shape == (3, 1, 4, 4)
    image = torch.randn(1, 1, 4, 4)
    plain = (torch.from_numpy(weight).float() * image).sum(dim=(1, 2, 3))
    assert torch.allclose(network(image).flatten(), plain, atol=1e-6)


@pytest.mark.parametrize(
    ("convolutions", "names"), [(0, []), (1, ["low"]), (2, ["low", "high"]), (3, ["low", "middle", "high"])]
)
def test_feature_maps_are_of_the_first_a_middle_and_the_last_convolution(convolutions, names):
    layers = [nn.Conv2d(1 if k == 0 else 2, 2, 3, padding=1) for k in range(convolutions)]
    network = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(1)).train()
    network(torch.zeros(1, 1, 8, 8))
    maps = artifacts.feature_maps(network, np.zeros((1, 8, 8), np.uint8), None)
    assert list(maps) == names
    assert all(found.shape == (2, 8, 8) for found in maps.values())
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


def test_looking_at_features_leaves_running_averages_as_they_were():
    judge = BookConv(width=4).build(Shape(1, 28, 0)).discriminator.train()
    before = [buffer.clone() for buffer in judge.buffers()]
    artifacts.feature_maps(judge, np.full((1, 28, 28), 200, np.uint8), None)
    assert before
    assert all(torch.equal(a, b) for a, b in zip(before, judge.buffers(), strict=True))
    assert judge.training


def test_of_many_classes_a_preview_shows_the_first_twenty(tiny_run, monkeypatch, tmp_path):
    asked = []

    class Watched(artifacts.Sampler):
        def sample(self, labels, seed=0, truncation=None):
            asked.extend(labels)
            return super().sample(labels, seed, truncation)

    monkeypatch.setattr(artifacts, "Sampler", Watched)
    found = bundle.read(tiny_run.bundle).card
    card = found.model_copy(update={"classes": tuple(f"c{k}" for k in range(30))})
    generator = card.networks()["generator"]

    class Trainer:
        ema = type("A", (), {"network": generator})()

    artifacts.save_preview(Trainer(), card, tmp_path / "p.png")
    assert asked == [f"c{k}" for k in range(20) for _ in range(8)]
