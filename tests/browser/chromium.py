"""A headless Chromium with one page in it, as a person at it would use it.

It knows the browser and what to listen for: its console, its requests. It must not know what is on
the page. There is no network behind it: every name resolves to nothing.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

KEYS = {
    "Enter": "\ue007", "Escape": "\ue00c", "Down": "\ue015", "Up": "\ue013", "End": "\ue010",
    "Home": "\ue011", "PageDown": "\ue00f", "Tab": "\ue004",
}  # fmt: skip
"""Keys that are no characters, as WebDriver writes them."""


class Browser:
    """The browser. ``driver`` is selenium's."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.url = ""

    def open(self, path: Path, *, width: int = 1400, height: int = 900, dark: bool = False) -> None:
        """Load a file in a window of this size, drawn when this returns; the log begins anew."""
        self.look(width=width, height=height, dark=dark)
        self.driver.get("about:blank")
        for name in ("browser", "performance"):
            self.driver.get_log(name)
        self.url = path.as_uri()
        self.driver.get(self.url)
        self.settle()

    def look(self, *, width: int = 1400, height: int = 900, dark: bool = False) -> None:
        """Set the size of the window, and whether its user likes it dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def find(self, selector: str) -> Any:
        """The first element."""
        return self.driver.find_element("css selector", selector)

    def find_all(self, selector: str) -> list[Any]:
        """All elements."""
        found: list[Any] = self.driver.find_elements("css selector", selector)
        return found

    def text(self, selector: str) -> str:
        """The text of the first element."""
        found: str = self.find(selector).text
        return found

    def click(self, selector: str) -> None:
        """Click the first element."""
        self.find(selector).click()

    def press(self, *keys: str) -> None:
        """Press keys, one after another, wherever the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(KEYS.get(key, key))

    def script(self, code: str, *arguments: Any) -> Any:
        """Run a function body in the page."""
        return self.driver.execute_script(code, *arguments)

    def wait_script(self, code: str) -> Any:
        """Run an asynchronous function body in the page, and wait for what it returns."""
        wrapped = (
            "const done = arguments[arguments.length - 1];"
            f"(async () => {{{code}}})().then(done, (error) => done(String(error)));"
        )
        return self.driver.execute_async_script(wrapped)

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.wait_script("for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);")

    def screenshot(self, *, scale: float = 1.0) -> bytes:
        """What is to be seen, as PNG."""
        self.settle()
        width, height = self.script("return [innerWidth, innerHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": scale}
        found = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip})
        return base64.b64decode(found["data"])

    def complaints(self) -> list[str]:
        """What stands in the console."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The URLs that were asked for."""
        messages = (
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        )
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in ``folder``."""
    # Selenium is there in this session alone.
    from selenium import webdriver  # pyright: ignore[reportMissingImports]
    from selenium.webdriver.chrome.service import (  # pyright: ignore[reportMissingImports]
        Service,
    )

    options = webdriver.ChromeOptions()
    options.binary_location = _program("chromium")
    for argument in (
        "--headless=new",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--no-first-run",
        f"--user-data-dir={folder}",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(_program("chromedriver")))
    try:
        driver.set_script_timeout(60)
        yield Browser(driver)
    finally:
        driver.quit()


def _program(name: str) -> str:
    path = shutil.which(name)
    assert path is not None, f"{name} is missing: python -m tests.browser.install"
    return path
