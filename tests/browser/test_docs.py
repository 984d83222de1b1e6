"""The built documentation, served on loopback, in a real browser."""

import pytest

WIDTHS = [360, 800, 1400]
SHOWN = {
    "home": "",
    "start": "tutorial/get_started/",
    "guide": "guides/own_spiking_gnn/",
    "model": "models/mk_sgn/",
    "report_guide": "guides/report/",
    "results": "results/",
    "api": "api/viz/",
}


@pytest.fixture(autouse=True)
def search(browser, request):
    """Tests of many pages do without the search."""
    browser.search(on=not any(word in request.node.name for word in ("every_page", "pictures")))
    yield
    browser.search(on=True)


def addresses(site, folder):
    """Returns all pages of the site."""
    found = sorted(path.parent.relative_to(folder) for path in folder.rglob("index.html"))
    return [f"{site}{page.as_posix()}/".replace("/./", "/") for page in found]


@pytest.mark.timeout(1200)
def test_every_page_loads_and_renders_its_maths(browser, site, site_folder):
    pages = addresses(site, site_folder)
    assert len(pages) > 30
    found, formulas = {}, 0
    for page in pages:
        browser.open(page, width=360, height=800)
        wrong = []
        browser.wait("return document.readyState === 'complete'")
        browser.js("return new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        counts = browser.js(
            "return ['.arithmatex', '.arithmatex .katex', '.katex-error']"
            ".map((s) => document.querySelectorAll(s).length)"
        )
        formulas += counts[0]
        raw = browser.js(
            "return [...document.querySelectorAll('.arithmatex')]"
            ".filter((e) => !e.querySelector('.katex')).map((e) => e.textContent)"
        )
        if raw or counts[2]:
            wrong.append(f"maths not rendered: {raw or 'error'}")
        if (wide := browser.overflow()) > 0:
            wrong.append(f"{wide} pixels wider than a phone")
        dead = browser.js(
            "return [...document.querySelectorAll('.md-content img')]"
            ".filter((i) => i.complete && !i.naturalWidth).map((i) => i.src)"
        )
        wrong += [f"no picture: {source}" for source in dead]
        wrong += browser.troubles(site)
        if wrong:
            found[page.removeprefix(site)] = wrong
    assert found == {}
    assert formulas > 50


def test_maths_after_a_click(browser, site):
    """Pages that replace each other without a reload have their maths, too."""
    browser.open(f"{site}models/base_sgn/")
    browser.js(
        "[...document.querySelectorAll('.md-nav a')]"
        ".find((a) => a.href.endsWith('/models/mk_sgn/')).click()"
    )
    browser.wait("return location.pathname.endsWith('/models/mk_sgn/')")
    browser.wait("return document.querySelectorAll('.md-content .katex').length > 3")
    assert browser.troubles(site) == []


def test_search_finds_a_layer(browser, site):
    browser.open(site)
    box = browser.find(".md-search__input")
    box.click()
    box.send_keys("SASGC")
    browser.wait("return document.querySelectorAll('.md-search-result__item').length")
    texts = browser.js(
        "return [...document.querySelectorAll('.md-search-result__item')].map((e) => e.innerText)"
    )
    assert any("SASGC" in text for text in texts)
    browser.js(
        "[...document.querySelectorAll('.md-search-result__link')]"
        ".find((a) => a.innerText.includes('SASGC')).click()"
    )
    browser.wait("return document.querySelector('.md-content').innerText.includes('SASGC')")
    assert browser.troubles(site) == []


def test_code_copies(browser, site):
    browser.open(site)
    browser.cdp(
        "Browser.grantPermissions",
        permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
        origin=site.rstrip("/"),
    )
    # The button is made when the code comes into view.
    block = "document.querySelector('.md-content .highlight')"
    browser.js(f"{block}.scrollIntoView({{ block: 'center' }})")
    button = f"{block}.querySelector('button')"
    browser.wait(f"return {button}")
    code = browser.js(f"return {block}.querySelector('code').innerText")
    # Copying is allowed after a click of the user, not of a script.
    browser.find(".md-content .highlight button").click()
    copied = browser.driver.execute_async_script(
        "const done = arguments[0]; let left = 50; const read = () =>"
        "navigator.clipboard.readText().then((text) =>"
        "text || !left ? done(text) : (left -= 1, setTimeout(read, 200)),"
        "(error) => done(`refused: ${error}`)); read()"
    )
    assert copied.strip() == code.strip() != ""
    assert browser.troubles(site) == []


def test_keyboard_and_dark(browser, site):
    browser.open(site, dark=True)
    browser.wait("return document.body.getAttribute('data-md-color-scheme') === 'slate'")
    # The key works as soon as the index is there.
    hint = "document.querySelector('.md-search-result__meta').textContent"
    browser.wait(f"return {hint}.trim().startsWith('Type')")
    browser.find("body").send_keys("/")  # the key that opens the search
    browser.wait("return document.activeElement.matches('.md-search__input')")
    assert browser.troubles(site) == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SHOWN)
def test_pictures_of_pages(browser, site, name, width):
    browser.open(f"{site}{SHOWN[name]}", width=width)
    browser.wait("return document.readyState === 'complete'")
    assert browser.overflow() <= 0
    browser.screenshot(f"docs_{name}", width)
    assert browser.troubles(site) == []
