"""The page in Debian's Chromium, opened from a disk and from a static host, with the network cut."""

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
import torch

from ganvas.export.web import web_files
from ganvas.networks.pair import Generator
from ganvas.runs.bundle import Bundle
from ganvas.sampling import Sampler

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
CLASSES = ("cat", "<img src=x onerror='window.hacked=1'>", "</script><script>window.hacked=1</script>")


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, "--disable-sync"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, exportable, exported):
    """An exported page of a generator with hostile class names."""
    place = tmp_path_factory.mktemp("page") / "web"
    place.mkdir()
    for name, content in web_files(exportable(classes=CLASSES), exported(classes=CLASSES)).items():
        (place / name).write_bytes(content)
    return place


@contextmanager
def opened(chromium, address, width=1000) -> Iterator[tuple]:
    """(page, addresses that it asked for, what went wrong), once it is ready."""
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    # A warning about canvases that are read is about the tests, which read them.
    page.on("console", lambda message: wrong.append(message.text) if "Canvas2D" not in message.text else None)
    page.goto(address)
    page.wait_for_selector("body[data-ready]", timeout=300_000)
    context.set_offline(True)
    yield page, asked, wrong
    context.close()


@pytest.fixture(scope="module")
def page(chromium, folder):
    with opened(chromium, (folder / "index.html").as_uri()) as (page, asked, wrong):
        yield page
        assert all(address.startswith((folder.as_uri(), "blob:null/", "data:")) for address in asked), asked
        assert not wrong


def pixels_of(page, selector):
    """(N, H, W, 4): the canvases' pixels."""
    script = """canvases => canvases.map(c => [c.height, c.width,
        Array.from(c.getContext("2d").getImageData(0, 0, c.width, c.height).data)])"""
    found = page.eval_on_selector_all(selector, script)
    return np.stack([np.array(data, np.uint8).reshape(height, width, 4) for height, width, data in found])


def sampler(run):
    return Sampler(Bundle(run.info, {"generator": run.generator}), "x")


def idle(page):
    page.wait_for_selector("#grid[aria-busy=false]")


def test_a_class_and_a_seed_mean_the_images_of_ganvas_sample(page, exportable):
    page.fill("#seed", "7")
    page.click("#classes button:nth-child(3)")
    idle(page)
    page.wait_for_function("document.querySelectorAll('#grid canvas').length === 10")
    shown = pixels_of(page, "#grid canvas")
    expected = sampler(exportable(classes=CLASSES)).sample([CLASSES[1]] * 10, seed=7)
    assert abs(shown[..., :3].transpose(0, 3, 1, 2).astype(int) - expected).max() <= 1
    assert (shown[..., 3] == 255).all()
    assert page.inner_text("#grid .name") == CLASSES[1]


def test_the_walk_is_that_of_ganvas_sample_between(page, exportable):
    page.select_option("#from", "0")
    page.select_option("#to", "2")
    page.fill("#from-seed", "3")
    page.fill("#to-seed", "3")
    expected = sampler(exportable(classes=CLASSES)).between(CLASSES[0], CLASSES[2], steps=8, seed=3)

    def is_drawn():
        shown = pixels_of(page, "#strip canvas")[..., :3].transpose(0, 3, 1, 2).astype(int)
        return abs(shown - expected).max() <= 1

    assert any(is_drawn() or page.wait_for_timeout(200) for _ in range(50))


def test_a_walk_between_seeds_begins_and_ends_with_them(page):
    page.select_option("#from", "1")
    page.select_option("#to", "1")
    ends = {}
    for seeds in (("3", "3"), ("9", "9"), ("3", "9")):
        page.fill("#from-seed", seeds[0])
        page.fill("#to-seed", seeds[1])
        page.wait_for_timeout(1500)
        ends[seeds] = pixels_of(page, "#strip canvas").astype(int)
    assert abs(ends["3", "9"][0] - ends["3", "3"][0]).max() <= 1
    assert abs(ends["3", "9"][-1] - ends["9", "9"][0]).max() <= 1
    assert abs(ends["3", "9"][0] - ends["3", "9"][-1]).max() > 1


def test_hostile_names_are_shown_and_never_run(page):
    assert page.eval_on_selector_all("#classes button", "all => all.map(b => b.textContent)") == [
        "All classes",
        *CLASSES,
    ]
    assert page.evaluate("window.hacked") is None
    assert page.query_selector("main img") is None


def test_the_page_works_by_keyboard(page):
    page.focus("#classes button:nth-child(2)")
    page.keyboard.press("Enter")
    idle(page)
    assert page.get_attribute("#classes button:nth-child(2)", "aria-pressed") == "true"
    page.focus("#place")
    page.keyboard.press("End")
    page.wait_for_function("document.getElementById('percent').textContent === '100 %'")


def test_a_seed_that_is_none_changes_nothing(page):
    before = pixels_of(page, "#grid canvas")
    for wrong in ("-1", "1.5", "x", str(2**63)):
        page.fill("#seed", wrong)
        assert page.eval_on_selector("#seed", "input => input.validity.valid") is False
    assert np.array_equal(pixels_of(page, "#grid canvas"), before)
    page.fill("#seed", "0")
    assert page.eval_on_selector("#seed", "input => input.validity.valid") is True
    idle(page)


def test_the_grid_can_be_saved(page):
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "images.png"


def numbers(page, noise, weights):
    """What the page's model computes of noise (N, Z) and weights (N, K)."""
    given = json.dumps([noise.flatten().tolist(), weights.flatten().tolist(), len(noise)])
    script = f"""(async () => {{ const [noise, weights, count] = {given};
        return Array.from(await generator.generate(new Float32Array(noise), new Float32Array(weights), count)); }})()"""
    return np.array(page.evaluate(script), np.float32)


@pytest.mark.parametrize(
    "recipe",
    [
        "modern",
        "book-conditional",
        "book-conv",
        "yardstick",
        "dcgan-concat",
        "acgan",
        "sngan-projection",
        "r3gan-small",
    ],
)
def test_the_browser_computes_what_pytorch_does_for_every_pair(chromium, page, exportable, exported, recipe):
    run = exportable(recipe)
    assert isinstance(run.generator, Generator)
    with opened(chromium, page.url) as (other, _, wrong):
        other.evaluate(f"generator.open({json.dumps(base64.b64encode(exported(recipe)).decode())})")
        for batch in (1, 3, 32):
            noise, weights = torch.randn(batch, run.generator.noise_size), torch.rand(batch, 3).softmax(1)
            expected = run.generator(noise, weights).numpy().flatten()
            assert abs(numbers(other, noise, weights) - expected).max() <= 1e-5
        assert not wrong


def test_it_works_from_a_static_host_and_on_a_phone(chromium, folder):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        with opened(chromium, address + "index.html", width=360) as (page, asked, wrong):
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            assert all(each.startswith((address, "blob:", "data:")) for each in asked)
            assert not wrong
        server.shutdown()


def test_a_generator_without_classes_has_no_class_to_ask_for(chromium, tmp_path, exportable, exported):
    run = exportable("book-gan", classes=(), channels=1, size=16)
    for name, content in web_files(run, exported("book-gan", classes=(), channels=1, size=16)).items():
        (tmp_path / name).write_bytes(content)
    with opened(chromium, (tmp_path / "index.html").as_uri()) as (page, _, wrong):
        assert page.query_selector("#classes button") is None
        assert not page.is_visible("#from")
        shown = pixels_of(page, "#grid canvas")[..., 0]
        assert abs(shown.astype(int) - sampler(run).sample(10)[:, 0]).max() <= 1
        assert not wrong


def test_ten_images_of_28_px_take_less_than_300_ms(chromium, tmp_path, exportable, exported):
    choices = {"classes": ("a", "b"), "channels": 1, "size": 28, "width": 32, "noise": 64, "embedding": 64}
    for name, content in web_files(exportable(**choices), exported(**choices)).items():
        (tmp_path / name).write_bytes(content)
    with opened(chromium, (tmp_path / "index.html").as_uri()) as (page, _, _):
        script = """(async () => { const start = performance.now(); await ganvas.sample(1, 5n, 10);
            return performance.now() - start; })()"""
        assert min(page.evaluate(script) for _ in range(5)) < 300
