import asyncio
import json

import pytest

from ganvas.studio import live
from ganvas.studio.live import Position, end_of, follow, log_columns, new_records, position_of
from ganvas.studio.places import Places
from ganvas.studio.summaries import Summaries


def lines_of(folder) -> list[dict]:
    return [json.loads(line) for line in folder.log.read_text().splitlines()]


def inode(folder) -> int:
    return folder.log.stat().st_ino


def test_a_log_as_columns_has_every_figure_at_its_images(tiny):
    columns, lines = log_columns(tiny), lines_of(tiny)
    figures = [line for line in lines if "event" not in line]
    assert columns.images == tuple(line["images"] for line in figures)
    assert columns.columns["loss_d"] == tuple(line["loss_d"] for line in figures)
    assert columns.columns["spread"] == tuple(line.get("spread") for line in figures)
    assert columns.end == f"{inode(tiny)}-{tiny.log.stat().st_size}"


def test_what_is_no_number_is_a_gap_and_events_stand_apart(tiny):
    tiny.log.write_text(
        '{"step": 1, "images": 8, "loss_d": NaN, "loss_g": 1.5}\n'
        '{"step": 1, "images": 8, "event": "threads 1 -> 2"}\n'
        '{"step": 2, "images": 16, "loss_d": 0.5, "loss_g": Infinity, "kid": 0.1}\n'
        '{"step": 3, "images": 24, "loss'
    )
    columns = log_columns(tiny)
    assert columns.images == (8, 16)
    assert columns.columns == {"kid": (None, 0.1), "loss_d": (None, 0.5), "loss_g": (1.5, None)}
    assert [(event.images, event.text) for event in columns.events] == [(8, "threads 1 -> 2")]


def test_a_run_without_a_log_has_no_columns(tiny):
    tiny.log.unlink()
    assert (log_columns(tiny).images, log_columns(tiny).end) == ((), "0-0")


@pytest.mark.parametrize("text", ["", None, "1", "-", "1-", "-1", "a-b", "1-2-3", "١-٢", f"{10**30}-1"])
def test_a_position_that_is_none_is_not_taken(text):
    assert position_of(text) is None


def test_positions_survive_the_way_through_an_address():
    assert position_of(str(Position(17, 4096))) == Position(17, 4096)


def test_only_whole_lines_are_sent_and_each_once(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"images": 8}\n{"images": 16}\n{"ima')
    records, position = new_records(log, Position(1, 0))
    assert (records, position) == ([{"images": 8}, {"images": 16}], Position(1, 29))
    assert new_records(log, position) == ([], position)
    with log.open("ab") as file:
        file.write(b'ges": 24}\n')
    assert new_records(log, position)[0] == [{"images": 24}]


def test_a_part_of_a_long_log_is_bounded(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"images": 8}\n' * 20_000)
    records, position = new_records(log, Position(1, 0))
    assert position.offset <= live.PART_BYTES
    assert len(records) == position.offset // 14


def collected(folder, after: Position | None, until, act=None) -> list[live.LiveEvent]:
    """The events of a run until one fits; `act(events)` is called after each."""

    async def collect() -> list[live.LiveEvent]:
        events = []
        async for event in follow(folder, Summaries(Places(folder.path.parent)), after):
            events.append(event)
            if act is not None:
                act(events)
            if until(event):
                return events
        return events

    return asyncio.run(asyncio.wait_for(collect(), 30))


def test_a_reader_that_comes_back_gets_every_line_that_it_missed(tiny):
    lines = tiny.log.read_bytes().splitlines(keepends=True)
    seen = Position(inode(tiny), sum(map(len, lines[:5])))
    events = collected(tiny, seen, lambda event: event.kind == "state")
    missed = [record for event in events if event.kind == "lines" for record in event.data]
    assert missed == lines_of(tiny)[5:]
    assert [event.kind for event in events] == ["lines", "previews", "state"]
    assert events[1].data == [80, 160]


def test_lines_that_are_written_later_arrive_in_order(tiny):
    def write(events):
        if events[-1].kind == "state" and sum(event.kind == "state" for event in events) == 1:
            with tiny.log.open("ab") as file:
                file.write(b'{"step": 99, "images": 999, "loss_d": 1.0}\n')

    events = collected(tiny, end_of(tiny.log), lambda event: event.kind == "lines", write)
    assert events[-1].data == [{"step": 99, "images": 999, "loss_d": 1.0}]


def test_a_log_that_was_replaced_is_said_and_sent_from_its_beginning(tiny):
    before = end_of(tiny.log)
    content = tiny.log.read_bytes().splitlines(keepends=True)[0]
    fresh = tiny.log.with_name("fresh")
    fresh.write_bytes(content)
    fresh.replace(tiny.log)
    events = collected(tiny, before, lambda event: event.kind == "lines")
    assert [event.kind for event in events] == ["reset", "lines"]
    assert events[1].data == [json.loads(content)]


def test_a_log_that_was_cut_is_said(tiny):
    events = collected(tiny, Position(inode(tiny), 10**9), lambda event: event.kind == "lines")
    assert events[0].kind == "reset"


def test_a_slow_reader_is_waited_for(tiny):
    """Between two events nothing is read: what a reader has not taken is not kept."""
    tiny.log.write_bytes(b'{"images": 8}\n' * 50_000)

    async def read_one() -> live.LiveEvent:
        events = follow(tiny, Summaries(Places(tiny.path.parent)), Position(inode(tiny), 0))
        first = await anext(events)
        await asyncio.sleep(0.2)
        second = await anext(events)
        assert second.position.offset - first.position.offset <= live.PART_BYTES
        await events.aclose()
        return first

    assert asyncio.run(read_one()).position.offset <= live.PART_BYTES
