"""The page in a real browser: Debian's chromium, or the one that CHROMIUM names."""

import json
import os
import shutil
import sys
from collections.abc import Iterator

import pytest

from ganvas.runs.folder import RunFolder
from ganvas.settings import leaves

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
QUIET = ("--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")
PATIENCE = 90_000  # milliseconds: a busy machine is slow, and a test waits for no clock


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    assert CHROMIUM, "these tests need chromium: apt-get install chromium"
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *QUIET])
        yield opened
        opened.close()


@pytest.fixture
def page(browser) -> Iterator["playwright.Page"]:
    """A page that may reach no other server, and whose errors fail the test.

    Its policy forbids to evaluate strings, which `wait_for_function` would do: tests wait for locators.
    """
    context = browser.new_context(locale="en-US", accept_downloads=True)
    opened, wrong = context.new_page(), []
    opened.set_default_timeout(PATIENCE)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "request",
        lambda asked: None if "//127.0.0.1:" in asked.url or asked.url.startswith("blob:") else wrong.append(asked.url),
    )
    opened.on("console", lambda line: wrong.append(line.text) if "Content Security Policy" in line.text else None)
    yield opened
    context.close()
    assert wrong == []


@pytest.fixture
def server(live_server, home):
    return live_server(home)


def shown(page) -> int:
    """After how many images the preview that is shown was made."""
    return int(page.locator(".frame img").get_attribute("data-images"))


def test_a_run_that_is_started_on_the_page_is_watched_as_it_learns(page, server, home, tiny_source, small):
    (home / "patterns.npz").write_bytes(tiny_source.read_bytes())
    every = {"images": 8_000, "log_every": 80, "preview_every": 800, "save_every": 2_000}
    page.goto(server.address)
    page.get_by_role("button", name="New run").click()
    page.get_by_label("Set of images").select_option("patterns.npz")
    page.get_by_label("Name of the run").fill("watched")
    page.get_by_text("More options").click()
    page.get_by_text("Every option").click()
    page.locator('[name="training.minutes"]').fill("")
    for name, value in leaves(small(training=every)):
        field = page.locator(f'[name="{name}"]')
        if value is not None and field.count():
            (field.select_option if field.evaluate("node => node.tagName") == "SELECT" else field.fill)(str(value))
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("link", name="watched", exact=True).click()
    page.locator(".frame img").wait_for()
    first = shown(page)
    # The next previews arrive by themselves, and so do the figures of the charts.
    page.locator(f'.frame img:not([data-images="{first}"])').wait_for()
    assert shown(page) > first
    page.get_by_role("region", name="Losses").wait_for()
    page.locator(".state.finished").wait_for(timeout=5 * PATIENCE)
    assert RunFolder(home / "runs" / "watched").read().status == "finished"
    page.locator('.frame img[data-images="8000"]').wait_for()


def test_the_slider_scrubs_through_time(page, server):
    page.goto(f"{server.address}/#/run/tiny/watch")
    page.locator(".frame img").wait_for()
    page.locator('.frame img[data-images="160"]').wait_for()
    slider = page.get_by_role("slider", name="preview")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.locator('.frame img[data-images="80"]').wait_for()
    page.keyboard.press("End")
    page.locator('.frame img[data-images="160"]').wait_for()


def test_the_film_is_a_gif(page, server):
    page.goto(f"{server.address}/#/run/tiny/watch")
    with page.expect_download() as download:
        page.get_by_role("button", name="Film (GIF)").click()
    with open(download.value.path(), "rb") as file:  # noqa: PTH123
        assert file.read(6) == b"GIF89a"
    assert download.value.suggested_filename == "tiny.gif"


def test_a_class_is_asked_for_and_its_images_come(page, server):
    page.goto(f"{server.address}/#/run/tiny/ask")
    rows = page.locator(".rowline")
    rows.nth(2).wait_for()
    assert rows.locator(".class").all_inner_texts() == ["across", "down", "spot"]
    page.get_by_role("button", name="None").click()
    page.get_by_role("button", name="spot", exact=True).click()
    assert rows.locator(".class").all_inner_texts() == ["spot"]
    page.locator('.images[data-ready="true"]').wait_for()
    page.locator("#seed").fill("7")
    page.locator('.images button[style*="seed=7"]').first.wait_for()
    page.get_by_role("button", name="spot, image 3").click()
    one = page.get_by_role("dialog").locator("img")
    address = one.get_attribute("src")
    assert "first=2" in address
    assert "seed=7" in address
    assert one.evaluate("async node => { await node.decode(); return node.naturalWidth; }") == 16


@pytest.mark.parametrize(("kind", "begins"), [("PNG", b"\x89PNG"), ("ZIP", b"PK"), ("NPZ", b"PK")])
def test_what_is_asked_for_can_be_downloaded(page, server, kind, begins):
    page.goto(f"{server.address}/#/run/tiny/ask")
    with page.expect_download() as download:
        page.get_by_role("button", name=kind, exact=True).click()
    with open(download.value.path(), "rb") as file:  # noqa: PTH123
        assert file.read().startswith(begins)


def test_a_slider_walks_from_class_to_class(page, server):
    page.goto(f"{server.address}/#/run/tiny/ask")
    slider = page.get_by_role("slider", name="between the classes")
    slider.fill("0.5")
    page.locator('[data-mixture*="&share=0.5&"]').wait_for()
    page.get_by_role("slider", name="between the seeds").fill("1")
    page.locator('[data-mixture$="seed_share=1"]').wait_for()


def test_the_language_is_switched_in_place_and_kept(page, server):
    page.goto(server.address)
    page.get_by_role("heading", name="Runs").wait_for()
    page.get_by_label("language").select_option("ko")
    page.get_by_role("heading", name="실행 목록").wait_for()
    assert page.evaluate("document.documentElement.lang") == "ko"
    page.reload()
    page.get_by_role("heading", name="실행 목록").wait_for()


def test_light_and_dark_follow_the_system_and_can_be_chosen(page, server):
    page.emulate_media(color_scheme="dark")
    page.goto(server.address)
    page.locator('html[data-theme="dark"]').wait_for(state="attached")
    page.emulate_media(color_scheme="light")
    page.locator('html[data-theme="light"]').wait_for(state="attached")
    page.locator("header button").click()
    page.locator("header button").click()
    page.locator('html[data-theme="dark"]').wait_for(state="attached")


def test_the_page_comes_back_after_the_server_was_restarted_and_missed_nothing(page, server, live_server, home, tiny):
    page.goto(f"{server.address}/#/run/tiny/watch")
    page.get_by_role("region", name="Losses").wait_for()
    server.stop()
    page.locator(".lost").wait_for()
    with tiny.log.open("ab") as file:
        line = {"step": 21, "images": 168, "loss_d": 123.0, "loss_g": 321.0}
        file.write(json.dumps(line).encode() + b"\n")
    live_server(home, server.port)
    page.locator(".lost").wait_for(state="detached")
    page.get_by_role("region", name="D 123, G 321; 168").wait_for()


def test_a_class_named_as_a_script_is_text(page, live_server, home, tiny):
    from ganvas.runs import bundle

    name = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
    whole, record = bundle.read_bundle(tiny.bundle), tiny.read()
    classes = (name, *whole.info.classes[1:])
    bundle.write_bundle(tiny.bundle, whole.info.model_copy(update={"classes": classes}), whole.networks)
    tiny.write(record.model_copy(update={"data": record.data.model_copy(update={"classes": classes})}))
    page.goto(f"{live_server(home).address}/#/run/tiny/ask")
    page.locator(".rowline .class").first.wait_for()
    assert page.locator(".rowline .class").first.inner_text() == name
    assert page.evaluate("window.hacked") is None


def test_everything_is_reached_by_keyboard(page, server):
    page.goto(server.address)
    page.get_by_role("link", name="tiny", exact=True).wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.get_by_role("link", name="tiny", exact=True).press("Enter")
    page.get_by_role("tab", name="Watch").press("ArrowRight")
    page.locator("#tab-ask:focus").wait_for()
    assert page.url.endswith("/ask")


def test_a_run_is_removed_after_a_question(page, server, tiny):
    page.goto(server.address)
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Keep it").click()
    assert tiny.exists()
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Yes, remove it").click()
    page.get_by_role("heading", name="No runs yet").wait_for()
    assert not tiny.path.exists()


def test_a_phone_scrolls_in_one_direction(page, server):
    page.set_viewport_size({"width": 360, "height": 740})
    views = ("watch", "ask", "inside", "break", "results", "record")
    for place in ("", "#/compare/tiny/tiny", *(f"#/run/tiny/{view}" for view in views)):
        page.goto(f"{server.address}/{place}")
        page.locator("main h1").wait_for()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, place


def test_a_training_that_is_killed_is_shown_as_dead(page, server, tiny):
    import fcntl

    tiny.write(tiny.read().model_copy(update={"status": "begun"}))
    with (tiny.path / ".lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        page.goto(f"{server.address}/#/run/tiny/watch")
        page.locator(".state.running").wait_for()
    page.locator(".state.died").wait_for()


def test_a_unit_of_d_is_looked_into(page, server):
    page.goto(f"{server.address}/#/run/tiny/inside")
    page.get_by_role("heading", name="Feature maps").wait_for()
    low = page.get_by_role("region", name="Low")
    low.get_by_role("button", name="map 2").click(position={"x": 2, "y": 2})
    page.get_by_text("Low: map 2, row 0, column 0").wait_for()
    page.locator('.seen[data-seen="0 0 4 4"]').wait_for()  # two patches of 2 px: the third lies beyond the edge
    low.get_by_role("button", name="map 3").press("ArrowDown")
    page.get_by_text("Low: map 3, row 1, column 0").wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Low: map 3, row 1, column 1").wait_for()
    page.locator('.seen[data-seen="0 0 6 6"]').wait_for()
    page.get_by_role("region", name="One value, written out").get_by_role("img", name="Kernel").first.wait_for()
    page.get_by_role("button", name="Where D looks").click()
    page.get_by_role("img", name="Where D looks").wait_for()


def score_of(page) -> float:
    page.locator('.stack[data-ready="true"]').wait_for()
    return float(page.locator("[data-score]").get_attribute("data-score"))


def test_quadrants_are_swapped_by_hand_and_d_says_something_else(page, server):
    page.goto(f"{server.address}/#/run/tiny/inside")
    before = score_of(page)
    page.get_by_role("button", name="above left").click()
    page.get_by_role("button", name="below right").click()
    page.get_by_text("whole:").wait_for()
    assert score_of(page) != before
    page.get_by_role("button", name="Whole again").click()
    page.get_by_text("whole:").wait_for(state="detached")
    assert score_of(page) == before


def test_d_is_asked_about_a_real_image_and_one_that_is_drawn(page, server, home, tiny_source):
    page.goto(f"{server.address}/#/run/tiny/inside")
    page.locator('.stack[data-ready="true"]').wait_for()
    page.get_by_role("button", name="Held out").click()
    page.get_by_text("held-out images", exact=False).first.wait_for()
    page.get_by_role("button", name="Drawn").click()
    page.get_by_role("button", name="Clean sheet").click()
    empty = score_of(page)
    sheet = page.get_by_role("img", name="draw here").bounding_box()
    page.mouse.move(sheet["x"] + 20, sheet["y"] + 20)
    page.mouse.down()
    page.mouse.move(sheet["x"] + sheet["width"] - 20, sheet["y"] + sheet["height"] - 20, steps=5)
    page.mouse.up()
    page.locator(f'[data-score]:not([data-score="{empty}"])').wait_for()
    drawn = score_of(page)
    page.get_by_role("img", name="draw here").focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", " "):
        page.keyboard.press(key)
    page.locator(f'[data-score]:not([data-score="{drawn}"])').wait_for()


@pytest.fixture
def other(home, tiny) -> RunFolder:
    """A second run, which went half as far, with another rate."""
    run = RunFolder(tiny.path.with_name("tiny-ten-times-the-rate"))
    shutil.copytree(tiny.path, run.path)
    (run.previews / "0000000160.png").unlink()
    lines = [line for line in run.log.read_text().splitlines() if json.loads(line)["images"] <= 80]
    run.log.write_text("\n".join(lines) + "\n")
    record = run.read()
    rate = record.run.optimiser.model_copy(update={"lr": 0.5})
    run.write(record.model_copy(update={"run": record.run.model_copy(update={"optimiser": rate}), "images_seen": 80}))
    return run


def frames(page) -> list[str]:
    page.locator("figure img").nth(1).wait_for()
    return [image.get_attribute("data-images") for image in page.locator("figure img").all()]


def test_two_runs_are_chosen_in_the_list_and_shown_at_equal_images(page, server, other):
    page.goto(server.address)
    row = page.get_by_role("listitem")
    row.filter(has=page.get_by_role("link", name="tiny", exact=True)).get_by_role("button", name="Compare").press(
        "Enter"
    )
    row.filter(has_text="tiny-ten").get_by_role("button", name="With this one").press("Enter")
    page.get_by_role("heading", name="Side by side").wait_for()
    assert page.url.endswith("#/compare/tiny/tiny-ten-times-the-rate")
    page.locator('figure img[data-images="80"]').nth(1).wait_for()
    assert frames(page) == ["80", "80"]
    page.get_by_role("row", name="optimiser.lr").wait_for()
    assert page.get_by_role("row", name="optimiser.lr").locator("td").last.inner_text() == "0.5"
    assert page.get_by_role("row", name="training.batch").count() == 0
    page.get_by_text("Look for the point where the spread").wait_for()


def test_one_slider_moves_both_and_goes_on_where_one_has_ended(page, server, other):
    page.goto(f"{server.address}/#/compare/tiny/{other.path.name}")
    page.get_by_label("Only as far as both").uncheck()
    page.locator('figure img[data-images="160"]').wait_for()
    assert frames(page) == ["160", "80"]
    page.get_by_role("slider", name="preview").press("ArrowLeft")
    page.locator('figure img[data-images="80"]').nth(1).wait_for()
    assert frames(page) == ["80", "80"]


def test_a_chart_has_both_runs(page, server, other):
    page.goto(f"{server.address}/#/compare/tiny/{other.path.name}")
    chart = page.get_by_role("region", name="Loss of D: A ")
    chart.wait_for()
    assert "B " in chart.get_attribute("aria-label")
    assert chart.get_attribute("aria-label").endswith("; 80")


def test_another_run_is_chosen_in_place(page, server, other):
    page.goto(f"{server.address}/#/compare/tiny")
    page.get_by_label("run B").select_option(other.path.name)
    page.locator("figure img").nth(1).wait_for()
    assert page.url.endswith(f"#/compare/tiny/{other.path.name}")


def test_a_preset_starts_a_run_of_its_own_and_shows_both(page, server, home, tiny, small):
    page.goto(f"{server.address}/#/run/tiny/break")
    card = page.get_by_role("region", name="No labels")
    page.get_by_label("Minutes").fill("0.03")
    card.get_by_role("button", name="Start it").click()
    page.get_by_role("heading", name="Side by side").wait_for()
    assert page.url.endswith("#/compare/tiny/tiny-no-labels")
    page.get_by_text("The previews mix all classes").wait_for()
    page.locator(".heads .state.finished").nth(1).wait_for(timeout=5 * PATIENCE)
    page.locator("figure img").nth(1).wait_for()
    page.get_by_role("row", name="labels on off").wait_for()
    assert RunFolder(home / "runs" / "tiny-no-labels").read().run.labels == "off"
    page.goto(f"{server.address}/#/run/tiny/break")
    page.get_by_role("link", name="Look at no-labels").wait_for()


def test_a_change_that_a_run_does_not_allow_has_no_button(page, server, tiny):
    record = tiny.read()
    tiny.write(record.model_copy(update={"run": record.run.model_copy(update={"labels": "off"})}))
    page.goto(f"{server.address}/#/run/tiny/break")
    card = page.get_by_role("region", name="No labels")
    card.get_by_text("nothing of the kind to change").wait_for()
    assert card.get_by_role("button").count() == 0


def test_a_run_is_evaluated_from_the_page_and_its_scorecard_appears(page, server, tiny, tmp_path, monkeypatch):
    script = tmp_path / "stand-in"
    script.write_text(
        "#!/bin/sh\necho measuring\nsleep 3\n"
        f"echo '<h1>the card</h1>' > {tiny.path}/scorecard.html\necho '{{}}' > {tiny.path}/scorecard.json\n"
    )
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    page.goto(f"{server.address}/#/run/tiny/results")
    page.get_by_role("button", name="Evaluate").click()
    page.get_by_role("status").get_by_text("measuring").wait_for()
    page.frame_locator("iframe").get_by_role("heading", name="the card").wait_for()
    page.get_by_role("button", name="Evaluate again").wait_for()


def test_an_evaluation_that_fails_says_why(page, server, tiny, tmp_path, monkeypatch):
    script = tmp_path / "stand-in"
    script.write_text("#!/bin/sh\necho 'ganvas: the set is gone'\nexit 2\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    page.goto(f"{server.address}/#/run/tiny/results")
    page.get_by_role("button", name="Evaluate").click()
    page.get_by_role("status").get_by_text("the set is gone").wait_for()
    page.get_by_role("button", name="Evaluate").wait_for()


def test_the_new_views_are_korean_where_that_is_chosen(page, server, other):
    page.goto(f"{server.address}/#/run/tiny/break")
    page.get_by_label("language").select_option("ko")
    page.get_by_role("heading", name="학습률 열 배").wait_for()
    page.goto(f"{server.address}/#/compare/tiny/{other.path.name}")
    page.get_by_role("heading", name="나란히 보기").wait_for()
    page.get_by_text("퍼짐이 0 으로 떨어지는 곳").wait_for()
