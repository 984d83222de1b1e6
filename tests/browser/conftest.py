"""A real browser, the documentation on loopback, and a report to open in it."""

import functools
import http.server
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCREENS = ROOT / ".cache" / "browser"


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(400))


class Browser:
    """Chromium, with what the tests ask of it."""

    def __init__(self, driver):
        self.driver = driver
        self.without_search = None

    def search(self, on):
        """Switches the search of the documentation on or off: its index takes seconds to build."""
        if self.without_search is not None:
            old = self.without_search["identifier"]
            self.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=old)
        self.without_search = None
        if not on:
            stub = "window.Worker = class extends EventTarget { postMessage() {} terminate() {} };"
            self.without_search = self.cdp("Page.addScriptToEvaluateOnNewDocument", source=stub)

    def open(self, url, width=1400, height=900, dark=False):
        """Opens a page as if for the first time."""
        self.resize(width, height)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.cdp("Emulation.setEmulatedMedia", features=features)
        self.driver.get("about:blank")
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        self.driver.get(url)

    def resize(self, width, height):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.cdp("Emulation.setDeviceMetricsOverride", **size)

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def wait(self, script, seconds=60):
        """Waits until a script gives something true, and returns it."""
        end = time.monotonic() + seconds
        while not (value := self.js(script)):
            assert time.monotonic() < end, f"after {seconds} s still not: {script}"
            time.sleep(0.05)
        return value

    def troubles(self, base):
        """Returns what went wrong since the page was opened: console, network, other hosts."""
        found = [entry["message"] for entry in self.driver.get_log("browser")]
        urls = {}
        for entry in self.driver.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            what, values = event["method"], event["params"]
            if what == "Network.requestWillBeSent":
                url = urls[values["requestId"]] = values["request"]["url"]
                if not url.startswith((base, "data:", "blob:", "about:")):
                    found.append(f"asked another place: {url}")
            elif what == "Network.responseReceived" and values["response"]["status"] >= 400:
                found.append(f"{values['response']['status']}: {values['response']['url']}")
            elif what == "Network.loadingFailed" and not values.get("canceled"):
                url = urls.get(values["requestId"])
                found.append(f"failed: {url} {values['errorText']}")
        return found

    def overflow(self):
        """Returns by how many pixels the page is wider than the window."""
        return self.js("return document.documentElement.scrollWidth - window.innerWidth")

    def screenshot(self, name, width):
        """Keeps a picture of the whole page."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        height = self.js("return document.documentElement.scrollHeight")
        self.resize(width, min(height, 6000))
        time.sleep(0.3)
        self.driver.save_screenshot(str(SCREENS / f"{name}_{width}.png"))


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver")
    names = ("chromium", "chromium-browser", "google-chrome")
    chrome = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if not (chrome and driver):
        pytest.skip("no Chromium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chrome
    profile = tmp_path_factory.mktemp("profile")
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--no-first-run",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    with webdriver.Chrome(options=options, service=service) as chromium:
        yield Browser(chromium)


def _built_site():
    """Returns the documentation as `make docs` left it, or built anew where a source is younger."""
    sources = [ROOT / "mkdocs.yml", ROOT / "CHANGELOG.md"]
    sources += [path for path in (ROOT / "docs").rglob("*") if path.is_file()]
    sources += (ROOT / "sgnkit").rglob("*.py")
    newest = max(path.stat().st_mtime for path in sources)
    own = SCREENS / "site"
    for site in (ROOT / "site", own):
        stamp = site / "search" / "search_index.json"
        if stamp.is_file() and stamp.stat().st_mtime > newest:
            return site
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]
    subprocess.run([*command, str(own)], cwd=ROOT, check=True)
    return own


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def site_folder():
    return _built_site()


@pytest.fixture(scope="session")
def site(site_folder):
    """The address of the built documentation, which nothing but this machine can reach."""
    folder = site_folder
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A run folder of a small network on made-up clips, with some mistakes."""
    from sgnkit.training import Experiment, OptimOptions, TrainerOptions, train

    experiment = Experiment(
        model={"name": "base_sgn_small", "hidden_channels": [16, 32], "strides": [1, 2]},
        data={
            "name": "SyntheticActions",
            "num_clips": 140,
            "layout": "kinect20",
            "num_classes": 4,
        },
        train_transforms=["Center", {"UniformSample": {"num_frames": 16, "random": True}}],
        test_transforms=["Center", {"UniformSample": {"num_frames": 16}}],
        batch_size=16,
        optim=OptimOptions(lr=0.05, warmup_epochs=1),
        trainer=TrainerOptions(max_epochs=3, accelerator="cpu", check=False, progress_bar="off"),
        name="small",
        output=str(tmp_path_factory.mktemp("runs")),
    )
    return train(experiment, command="sgnkit train --config small.yaml")


@pytest.fixture(scope="session")
def report(run):
    """The address of its report."""
    return (run / "report.html").as_uri()
