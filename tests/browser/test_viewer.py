"""The page in a real browser: opened from disk, filtered, clicked, typed at and looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auxws_anyio.viewer import Kind, render_svg, tell
from tests.browser.chromium import Browser
from tests.browser.conftest import write
from tests.browser.pixels import brightness, pixels
from tests.viewer.test_files import hostile
from tests.viewer.traces import Script, everyday

ROWS = len(tell(everyday().trace()).rows)
PINGS = sum(row.kind is Kind.PING for row in tell(everyday().trace()).rows)
"""They are not shown until they are asked for."""

pytestmark = pytest.mark.browser

TIMED = """
const list = document.getElementById("list");
const frame = async (act) => {
  act();
  const start = await new Promise((go) => requestAnimationFrame(() => go(performance.now())));
  await new Promise((go) => setTimeout(go, 0));
  return performance.now() - start;
};
"""
"""`frame` does something, and gives the milliseconds that the frame after it took."""


def labels(browser: Browser) -> list[str]:
    """What a screen reader hears of the rows that are there."""
    browser.settle()
    return [row.get_attribute("aria-label") for row in browser.find_all(".row")]


def active(browser: Browser) -> str:
    """What it hears of the row where one is."""
    browser.settle()
    found = browser.script(
        "const id = document.getElementById('list').getAttribute('aria-activedescendant');"
        "return id && document.getElementById(id).getAttribute('aria-label');"
    )
    return found or ""


def click_row(browser: Browser, text: str) -> None:
    """Click the first row of which a screen reader hears this."""
    browser.settle()
    next(row for row in browser.find_all(".row") if text in row.get_attribute("aria-label")).click()


def type_into(browser: Browser, selector: str, text: str) -> None:
    field = browser.find(selector)
    field.clear()
    field.send_keys(text)


def test_it_opens_from_disk(browser: Browser, page: Path) -> None:
    browser.open(page)

    assert browser.driver.title == "session.html - auxws trace"
    assert browser.text("#title") == "session.html"
    assert browser.text("#status") == f"{ROWS - PINGS} of {ROWS} events"
    assert labels(browser)[3:7] == [
        "0:00.050, Gateway to Client, transport opened",
        "0:00.050, Client to Application, state OPEN",
        "0:00.150, Application to Client, send repo/add_updates, send 1, 28 B",
        "0:00.150, Client to Gateway, Message repo/add_updates, id 1, send 1, 33 B",
    ]
    assert [head.text for head in browser.find_all(".heads .lane")] == [
        "Application", "Client", "Gateway", "Object store",
    ]  # fmt: skip


def test_filter_by_id_type_direction_and_kind(browser: Browser, page: Path) -> None:
    browser.open(page)

    type_into(browser, "#find", "#2")
    by_id = labels(browser)
    type_into(browser, "#find", "503")
    by_text = labels(browser)
    browser.find("#find").clear()
    browser.find("#find").send_keys(" ")
    browser.find("#type").send_keys("sync/time")
    by_type = labels(browser)
    browser.script("document.getElementById('type').value = ''")
    browser.script("document.getElementById('type').dispatchEvent(new Event('change'))")
    browser.click("[data-direction=in]")
    by_direction = labels(browser)
    browser.click("[data-direction='']")
    for kind in ("message", "upload", "download", "outcome", "connection"):
        browser.click(f"[data-kind={kind}]")
    only_errors = labels(browser)

    assert [label.split(", ")[2] for label in by_id] == [
        "send repo/add_updates", "UploadRequest", "UploadResponse", "PUT", "200 OK",
        "DownloadRequest", "confirmed",
    ]  # fmt: skip
    assert len(by_text) == 1
    assert len(by_type) == 3
    assert all("sync/time" in label or "confirmed" in label for label in by_type)
    assert by_direction
    assert all(" to Client" in label or " to Application" in label for label in by_direction)
    assert [label.split(", ")[-1] for label in only_errors] == ["error"] * 3


def test_nothing_left_can_be_undone(browser: Browser, page: Path) -> None:
    browser.open(page)

    type_into(browser, "#find", "there is no such thing")
    nothing = labels(browser)
    browser.click("#clear")

    assert nothing == []
    assert browser.text("#status") == f"{ROWS} of {ROWS} events"


def test_a_click_shows_the_payload(browser: Browser, page: Path) -> None:
    browser.open(page)

    click_row(browser, "send repo/add_updates, send 2")

    assert browser.text("#inspector h2") == "send repo/add_updates"
    assert browser.text("#inspector pre").startswith('{\n  "type": "repo/add_updates"')
    assert browser.text("#inspector .elided").startswith("A part of 90,000 bytes")
    assert [leg.text.split("\n")[0] for leg in browser.find_all(".legs button")] == [
        "URL request", "PUT", "announced",
    ]  # fmt: skip


def test_on_a_small_screen_the_details_leave_their_event_in_sight(
    browser: Browser, page: Path
) -> None:
    browser.open(page, width=390, height=844)

    browser.press("Tab")
    browser.find("#list").click()
    browser.press("End", "Up", "Up", "Enter")
    browser.settle()

    row, inspector = browser.find(".row.active").rect, browser.find("#inspector").rect
    head = browser.find("#heads").rect
    assert head["y"] + head["height"] <= row["y"]
    assert row["y"] + row["height"] <= inspector["y"]
    assert inspector["y"] + inspector["height"] <= 844


def test_the_keyboard_alone_is_enough(browser: Browser, page: Path) -> None:
    browser.open(page)
    heard: list[str] = []

    for _ in range(40):
        browser.press("Tab")
        if browser.driver.switch_to.active_element.get_attribute("id") == "list":
            break
    for keys in (["Home"], ["Down", "Down"], ["End"], ["Up"], ["Home", "e"], ["m"]):
        browser.press(*keys)
        heard.append(active(browser).split(", ")[2])
    browser.press("Enter")
    inside = browser.driver.switch_to.active_element.get_attribute("id")
    heading = browser.text("#inspector h2")
    browser.press("Escape")

    assert heard == [
        "connect", "state CONNECTING", "confirmed", "Message sync/time", "503 Service Unavailable",
        "PUT",
    ]  # fmt: skip
    assert (inside, heading) == ("inspector", "PUT")
    assert browser.driver.switch_to.active_element.get_attribute("id") == "list"
    assert not browser.find("#inspector").is_displayed()


def test_zoom(browser: Browser, page: Path) -> None:
    browser.open(page)
    heights: list[int] = []

    for name in ("zoom-in", "zoom-in", "zoom-out", *["zoom-out"] * 8):
        if browser.find(f"#{name}").is_enabled():
            browser.click(f"#{name}")
        heights.append(browser.script("return document.getElementById('sheet').offsetHeight"))

    assert heights[0] < heights[1]
    assert heights[2] == heights[0]
    assert heights[-1] < 500


def test_a_drag_over_the_whole_chooses_a_time(browser: Browser, page: Path) -> None:
    browser.open(page)
    canvas = browser.find("#overview")
    where = canvas.rect
    middle = where["y"] + where["height"] / 3

    def pointer(kind: str, share: float) -> None:
        browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {
            "type": kind, "x": where["x"] + where["width"] * share, "y": middle,
            "button": "left", "buttons": 1, "clickCount": 1,
        })  # fmt: skip

    pointer("mousePressed", 0.5)
    pointer("mouseMoved", 0.7)
    pointer("mouseReleased", 0.99)
    part = browser.text("#status")
    browser.click("#zoom-fit")

    assert ", from 0:02.20" in part
    assert browser.text("#status") == f"{ROWS - PINGS} of {ROWS} events"


def test_messages_are_spans_with_legs(browser: Browser, page: Path) -> None:
    browser.open(page)

    browser.click("#view-messages")
    heard = labels(browser)
    click_row(browser, "repo/add_updates, 250 kB")
    browser.click(".legs li:nth-child(3) button")

    assert heard[1] == "0:00.370, sent, repo/add_updates, 90 kB, upload, confirmed, took 150 ms"
    assert len(heard) == 7
    assert browser.find("#view-sequence").get_attribute("aria-pressed") == "true"
    assert ", PUT, " in active(browser)


def test_light_and_dark_by_preference_and_by_hand(browser: Browser, page: Path) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    browser.open(page, dark=True)

    dark = browser.script(ground)
    browser.click("#theme")
    light = browser.script(ground)
    browser.click("#theme")

    assert (dark, light) == ("rgb(14, 17, 23)", "rgb(244, 245, 248)")
    assert browser.script(ground) == dark


@pytest.mark.parametrize("view", ["sequence", "messages"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [(1400, 900), (390, 844)], ids=["wide", "narrow"])
def test_looks(
    browser: Browser, page: Path, artifacts: Path, size: tuple[int, int], dark: bool, view: str
) -> None:
    browser.open(page, width=size[0], height=size[1], dark=dark)
    browser.click(f"#view-{view}")
    if view == "sequence" and size[0] > 1000:
        click_row(browser, "send repo/add_updates, send 2")
    name = f"{view}-{'dark' if dark else 'light'}-{size[0]}.png"

    (artifacts / name).write_bytes(browser.screenshot())

    seen = pixels(browser.screenshot(scale=0.25))
    assert len(seen) > 100
    assert seen.most_common(1)[0][1] < 0.9 * seen.total()
    assert brightness(seen) < 0.3 if dark else brightness(seen) > 0.7
    assert browser.script("return document.documentElement.scrollWidth") <= size[0]
    # What is painted is painted: the canvas under the rows is not empty.
    assert browser.script(
        "const c = document.getElementById('paint');"
        "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v);"
    )


def test_every_control_has_a_name(browser: Browser, page: Path) -> None:
    browser.open(page)
    click_row(browser, "send repo/add_updates, send 2")

    tree = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]

    controls: list[dict[str, Any]] = [
        node for node in tree
        if not node["ignored"]
        and node["role"]["value"]
        in ("button", "option", "listbox", "searchbox", "combobox", "region", "complementary")
    ]  # fmt: skip
    assert [node for node in controls if not node.get("name", {}).get("value")] == []
    roles = {node["role"]["value"] for node in controls}
    assert {"listbox", "option", "button", "searchbox", "complementary"} <= roles


def test_hostile_text_is_text(browser: Browser, tmp_path: Path) -> None:
    browser.open(write(hostile(), tmp_path / "hostile.html"))

    click_row(browser, "send </script>")

    assert browser.script("return document.scripts.length") == 2
    assert "\\u202e" in browser.text("#inspector pre")
    assert "\u202e" not in browser.text("#inspector pre")
    assert "</script><script>alert(1)</script>" in browser.text("#inspector h2")


def test_what_json_escapes_hide_is_spelled_out_when_indented(
    browser: Browser, tmp_path: Path
) -> None:
    script = Script().connect()
    script.call("receive_text", {"$u": '[1,0,{"type":"t","x":"\\u202e\\u0007"}]'}, transport=1)
    browser.open(write(script, tmp_path / "escapes.html"))

    click_row(browser, "Message t")

    shown = browser.script("return document.querySelector('#inspector pre').textContent")
    assert "\\u202e\\u0007" in shown
    assert "\u202e" not in shown


def test_an_empty_trace_is_no_trouble(browser: Browser, tmp_path: Path) -> None:
    browser.open(write(Script(), tmp_path / "empty.html"))

    browser.click("#view-messages")
    browser.click("#view-sequence")
    browser.find("#list").click()
    browser.press("Down", "Enter", "e", "+", "-", "0")

    assert browser.text("#status").startswith("0 of 0 events")


def test_twenty_thousand_events_draw_only_what_is_visible(
    browser: Browser, long_page: Path, times: dict[str, float]
) -> None:
    browser.open(long_page)

    rows = browser.script("return document.querySelectorAll('.row').length")
    browser.find("#list").click()
    browser.press("End")
    last = active(browser)
    measured = browser.wait_script(
        TIMED
        + """
        const steps = [];
        list.scrollTop = 0;
        for (let i = 0; i < 60; i++) {
          steps.push(await frame(() => { list.scrollTop += i % 6 ? 250 : 20000; }));
        }
        steps.sort((a, b) => a - b);
        const find = document.getElementById("find");
        const filters = [];
        for (const text of ["app/type_1", "#77", "upload", ""]) {
          const start = performance.now();
          find.value = text;
          find.dispatchEvent(new Event("input"));
          filters.push(performance.now() - start + await frame(() => {}));
        }
        const rows = document.querySelectorAll(".row").length;
        return {scroll: steps[30], late: steps[57], filter: Math.max(...filters), rows,
                status: document.getElementById("status").textContent};
    """
    )

    assert 0 < rows < 120
    assert measured["rows"] < 120
    total = int(measured["status"].split(" ")[2].replace(",", ""))
    assert total >= 20_000
    assert last.startswith("7:45.467, ")
    times["a scroll step, median of 60"] = measured["scroll"]
    times["a scroll step, 95 %"] = measured["late"]
    times["a filter, the slowest of 4"] = measured["filter"]


def test_a_picture_opens_as_an_image(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "session.svg"
    path.write_text(render_svg(everyday().trace(), title="session"), encoding="utf-8")

    browser.open(path, width=1060)

    assert browser.script("return document.documentElement.tagName") == "svg"
    assert len(pixels(browser.screenshot(scale=0.25))) > 50
