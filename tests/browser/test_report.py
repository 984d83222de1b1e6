"""The report of a run, opened from disk in a real browser."""

import base64
import json
import re

import pytest

WIDTHS = [360, 800, 1400]
EVIL = "</script><img src=x onerror=alert(1)>"
HOT = """
  const canvas = document.getElementById('body');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let hot = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [red, green, blue, solid] = data.slice(i, i + 4);
    if (solid > 200 && red > 190 && green > 60 && green < 200 && blue < 70) hot += 1;
  }
  return hot;
"""
PICTURE = "return document.getElementById('body').toDataURL()"


@pytest.fixture
def page(browser, report):
    """The report, just opened, and at the end without any trouble."""
    browser.open(report)
    browser.wait("return document.documentElement.dataset.ready === 'yes'")
    yield browser
    assert browser.troubles(report) == []


def state(browser):
    return browser.js("return { ...document.getElementById('body').dataset }")


def press(browser, *keys, on="#body"):
    from selenium.webdriver.common.keys import Keys

    for key in keys:
        browser.find(on).send_keys(getattr(Keys, key, key))


def changed(run, tmp_path, change):
    """Returns the address of the report with other data."""
    text = (run / "report.html").read_text(encoding="utf-8")
    found = re.search(r'(id="data">)(.*?)(</script>)', text, re.DOTALL)
    data = json.loads(found[2])
    change(data)
    path = tmp_path / "changed.html"
    inside = json.dumps(data).replace("<", "\\u003c")
    path.write_text(text[: found.start(2)] + inside + text[found.end(2) :], encoding="utf-8")
    return path.as_uri()


def test_it_is_one_small_file(page, run):
    assert (run / "report.html").stat().st_size < 5e6
    assert page.js("return performance.getEntriesByType('resource').map((e) => e.name)") == []
    assert page.js("return document.title").startswith("base_sgn_small")


def test_it_plays_and_pauses(page):
    assert state(page)["frame"] == "0"
    before = page.js(PICTURE)
    page.find("#play").click()
    page.wait("return Number(document.getElementById('body').dataset.frame) > 2")
    assert page.js(PICTURE) != before
    assert page.find("#play").text == "Pause"
    page.find("#play").click()
    at = state(page)["frame"]
    page.driver.execute_async_script("setTimeout(arguments[0], 400)")
    assert state(page)["frame"] == at
    assert page.find("#clock").text.startswith(f"{int(at) + 1} / 16")


def test_it_turns_by_pointer(page):
    from selenium.webdriver import ActionChains

    before, picture = state(page), page.js(PICTURE)
    canvas = page.find("#body")
    ActionChains(page.driver).click_and_hold(canvas).move_by_offset(120, 40).release().perform()
    after = state(page)
    assert float(after["yaw"]) - float(before["yaw"]) == pytest.approx(1.0, abs=0.2)
    assert float(after["pitch"]) > float(before["pitch"])
    assert page.js(PICTURE) != picture
    page.find("#reset").click()
    assert page.js(PICTURE) == picture


def test_joints_light_up_where_there_are_spikes(page, run, tmp_path):
    lit = page.js(HOT)
    assert lit > 30
    assert re.search(r"Most spikes in this frame: \w+.* \d", page.find("#busiest").text)

    def silence(data):
        for clip in data["player"]["clips"]:
            for layer in clip["spikes"]:
                layer["data"] = base64.b64encode(
                    bytes(len(base64.b64decode(layer["data"])))
                ).decode()

    page.open(changed(run, tmp_path, silence))
    page.wait("return document.documentElement.dataset.ready === 'yes'")
    assert page.js(HOT) == 0
    assert page.find("#busiest").text == "No spikes in this frame."
    page.driver.get_log("performance")


def test_blocks_and_steps_differ(page):
    from selenium.webdriver.support.select import Select

    seen = set()
    for layer in range(3):
        Select(page.find("#layer")).select_by_index(layer)
        seen.add(page.js(PICTURE))
    for step in ("1", "2", "4"):
        Select(page.find("#step")).select_by_value(step)
        seen.add(page.js(PICTURE))
    assert len(seen) >= 5
    Select(page.find("#step")).select_by_value("each")
    page.find("#play").click()
    page.wait("return document.getElementById('clock').textContent.includes('step 3')")
    page.find("#play").click()


def test_frames_by_range_and_map(page):
    from selenium.webdriver import ActionChains

    press(page, "END", on="#frame")
    assert state(page)["frame"] == "15"
    assert page.find("#frame").get_attribute("aria-valuetext") == "frame 16 of 16"
    canvas = page.find("#map")
    ActionChains(page.driver).move_to_element_with_offset(
        canvas, -canvas.size["width"] // 2 + 5, 0
    ).click().perform()
    assert state(page)["frame"] == "0"


def test_keys_of_the_player(page):
    page.js("document.getElementById('body').focus()")
    start = state(page)
    press(page, "ARROW_RIGHT", "ARROW_RIGHT", "ARROW_UP", "+")
    turned = state(page)
    assert float(turned["yaw"]) > float(start["yaw"])
    assert float(turned["pitch"]) > float(start["pitch"])
    assert float(turned["zoom"]) > 1
    press(page, "HOME", ".", ".", ",")
    assert {**state(page), "frame": "0"} == start and state(page)["frame"] == "1"
    press(page, "B", "s", "n")
    assert [state(page)[key] != start[key] for key in ("layer", "step", "clip")] == [True] * 3
    press(page, "SPACE")
    assert state(page)["playing"] == "true"
    press(page, "SPACE")
    assert state(page)["playing"] == "false"


def test_a_cell_lists_its_clips_and_they_play(page):
    title = "return document.getElementById('list-title').textContent"
    assert page.js(title).startswith("Wrong clips")
    counts = page.js("return JSON.parse(document.getElementById('data').textContent).confusion")
    i, j = next((i, j) for i, row in enumerate(counts) for j, n in enumerate(row) if n and i != j)
    page.js(f'document.querySelector(\'#matrix td[data-i="{i}"][data-j="{j}"]\').click()')
    items = page.js("return [...document.querySelectorAll('#list li')].map((e) => e.innerText)")
    assert len(items) == counts[i][j]
    assert f": {counts[i][j]} clip" in page.js(title) and " taken for " in page.js(title)
    name = page.js("return document.querySelector('#list .name').textContent")
    page.js("document.querySelector('#list button').click()")
    assert page.find("#answer").text.startswith(f"{name}: wrongly taken for")
    assert page.js("return document.activeElement.id") == "body"


def test_the_matrix_by_keyboard(page):
    assert page.js("return document.querySelectorAll('#matrix td[tabindex=\"0\"]').length") == 1
    page.js("document.querySelector('#matrix td[tabindex=\"0\"]').focus()")
    active = "return [document.activeElement.dataset.i, document.activeElement.dataset.j].join()"
    where = "#matrix td[tabindex='0']"
    for key, cell in (("ARROW_RIGHT", "0,1"), ("ARROW_DOWN", "1,1"), ("HOME", "1,0")):
        press(page, key, on=where)
        assert page.js(active) == cell
    press(page, "ENTER", on=where)
    assert " taken for " in page.find("#list-title").text


def test_curves_can_be_read_by_keyboard(page):
    charts = page.js(
        "return [...document.querySelectorAll('.charts figcaption')].map(e => e.innerText)"
    )
    assert [text.split()[0] for text in charts[:3]] == ["loss", "accuracy", "lr"]
    press(page, "HOME", on=".charts svg")
    assert page.find(".charts output").text.startswith("epoch 0: train ")


def test_everything_can_be_reached_and_has_a_name(page):
    for details in page.driver.find_elements("css selector", "details"):
        page.js("arguments[0].open = true", details)
    nodes = page.cdp("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "combobox", "slider", "application", "grid", "gridcell", "link", "image")
    value = lambda node, key: node.get(key, {}).get("value", "")  # noqa: E731
    seen = [node for node in nodes if not node["ignored"] and value(node, "role") in roles]
    assert {value(node, "role") for node in seen} >= {"button", "combobox", "slider", "application"}
    assert [node for node in seen if not value(node, "name")] == []
    reached = []
    page.js("document.body.focus()")
    for _ in range(60):
        page.driver.switch_to.active_element.send_keys("\ue004")  # the key Tab
        reached.append(
            page.js("return document.activeElement.id || document.activeElement.tagName")
        )
    for name in ("theme", "clip", "layer", "step", "speed", "body", "play", "frame", "TD"):
        assert name in reached


def test_dark_follows_the_system_and_the_button(browser, report):
    light = "return getComputedStyle(document.body).backgroundColor"
    browser.open(report, dark=True)
    assert browser.js(light) == "rgb(20, 24, 28)"
    dark = browser.js(PICTURE)
    browser.find("#theme").click()
    assert browser.js(light) == "rgb(255, 255, 255)"
    assert browser.find("#theme").text == "Theme: light"
    assert browser.js(PICTURE) != dark
    assert browser.troubles(report) == []


def test_names_are_never_markup(browser, run, tmp_path):
    def rename(data):
        data["classes"] = [EVIL + str(i) for i in range(4)]
        for clip in data["player"]["clips"]:
            clip["name"] = EVIL
        data["clips"]["name"] = [EVIL] * len(data["clips"]["name"])
        data["player"]["joints"] = [EVIL] * len(data["player"]["joints"])

    address = changed(run, tmp_path, rename)
    browser.open(address)
    browser.wait("return document.documentElement.dataset.ready === 'yes'")
    assert browser.js("return document.querySelectorAll('img').length") == 0
    assert EVIL in browser.find("#matrix").text
    assert browser.troubles(address) == []


def test_a_page_without_a_player(browser, run):
    from sgnkit.report import write_report

    page = write_report(run, run / "no_player.html").as_uri()
    browser.open(page)
    browser.wait("return document.documentElement.dataset.ready === 'yes'")
    assert not browser.find("#player-body").is_displayed()
    assert "not in this file" in browser.find("#list").text
    assert "No clips were given" in browser.find(".note").text
    assert browser.troubles(page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_pictures_of_the_report(browser, report, width, dark):
    browser.open(report, width=width, dark=dark)
    browser.wait("return document.documentElement.dataset.ready === 'yes'")
    press(browser, ".", ".", ".", ".")
    assert browser.overflow() <= 0
    browser.screenshot(f"report_{'dark' if dark else 'light'}", width)
    assert browser.troubles(report) == []
