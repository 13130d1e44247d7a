"""A headless Chromium for tests that look at a page as a reader does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

WIDE, NARROW = 1440, 390  # pixels


@contextmanager
def chromium(downloads: Path) -> Iterator[webdriver.Chrome]:
    """Start a Chromium that saves downloads in a folder; skip the test where there is none."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        if os.environ.get("MMED_REQUIRE_BROWSER") == "1":
            pytest.fail("chromium or chromedriver is missing, and MMED_REQUIRE_BROWSER=1 demands")
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    # As root, and in containers with little shared memory, it would not start otherwise.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        resize(browser, WIDE)
        yield browser
    finally:
        browser.quit()


def resize(browser: webdriver.Chrome, width: int, *, is_dark: bool = False) -> None:
    """Show pages at a width in pixels, in light or dark colours."""
    screen = {"width": width, "height": 1200, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def complaints(browser: webdriver.Chrome) -> list[str]:
    """Return what the browser complained of since it was asked last: errors, refused requests."""
    logged = browser.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in logged]
