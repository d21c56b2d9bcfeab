"""The report in a browser: sliders move the pictures; nothing is requested, overflows or is complained of."""

import shutil

import pytest

from rgnet import report

webdriver = pytest.importorskip("selenium.webdriver", reason="the browser is driven by selenium (extra dev)")

from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMEDRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or CHROMEDRIVER is None,
    reason="no browser: install Chromium and its driver (Debian: chromium, chromium-driver)",
)
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
FOREIGN = ("http:", "https:", "ws:", "wss:", "ftp:", "blob:")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, result, page):
    """A function that opens the report at a size and in a colour scheme, with an empty log."""

    def open_(width=1280, height=900, scheme="light", path=None):
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        browser.get("about:blank")
        browser.get_log("browser")
        browser.get_log("performance")
        browser.get((path or result.parent / report.REPORT).as_uri())
        return browser

    return open_


def pixels(browser, name):
    """The canvas as a list of its distinct cells: red channel in the middle of a grid of 32 x 32."""
    return browser.execute_script(
        """
        const canvas = document.getElementById(arguments[0] + "-canvas");
        const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const cells = [];
        for (let i = 0; i < 32; i++) for (let j = 0; j < 32; j++) {
          const row = Math.floor((i + 0.5) * canvas.height / 32), column = Math.floor((j + 0.5) * canvas.width / 32);
          cells.push(image.data[4 * (row * canvas.width + column)]);
        }
        return cells;
        """,
        name,
    )


def complaints(browser):
    """What the console says, but for its advice on how these tests read the canvas."""
    return [entry for entry in browser.get_log("browser") if "willReadFrequently" not in entry["message"]]


def shown(browser):
    return browser.find_element(By.ID, "shown").text


def test_images_load_and_the_console_is_silent(opened, page, read):
    browser = opened()
    images = browser.execute_script("return [...document.images].map(i => [i.complete, i.naturalWidth])")
    assert len(images) == len(read(page).all("img")) > 4
    assert all(complete and width > 500 for complete, width in images)
    assert complaints(browser) == []


def test_nothing_is_requested_but_the_file(opened):
    browser = opened()
    browser.find_element(By.ID, "theme").click()
    browser.find_element(By.ID, "level").send_keys(Keys.ARROW_RIGHT)
    requests = [entry["message"] for entry in browser.get_log("performance") if "requestWillBeSent" in entry["message"]]
    assert any("report.html" in message for message in requests), "the log must show the page's own request"
    assert not [message for message in requests if any(f'"url":"{scheme}' in message for scheme in FOREIGN)]


def test_the_log_would_show_an_error_and_a_foreign_request(opened, page, tmp_path):
    # The checks above see what they are meant to see: a page that breaks both rules is noticed, and refused
    broken = tmp_path / "report.html"
    broken.write_text(page.replace("</main>", '<img src="https://example.org/a.png"></main><script>x.y</script>'))
    browser = opened(path=broken)
    said = " ".join(entry["message"] for entry in browser.get_log("browser"))
    assert said.count("Content Security Policy") == 2


def test_arrow_keys_move_the_levels(opened, result):
    browser = opened()
    slider = browser.find_element(By.ID, "level")
    before, caption = pixels(browser, "blocked"), browser.find_element(By.ID, "blocked-caption").text
    original = pixels(browser, "original")
    assert "level 1" in shown(browser)
    assert "32×32" in browser.find_element(By.ID, "original-caption").text
    slider.send_keys(Keys.ARROW_RIGHT)
    assert "level 2" in shown(browser)
    assert "blocks of 4, 8×8" in browser.find_element(By.ID, "blocked-caption").text != caption
    after = pixels(browser, "blocked")
    assert after != before
    assert pixels(browser, "original") == original
    # Blocks are four sites wide: the same colour within, not everywhere
    assert all(after[32 * i + j] == after[32 * (i // 4 * 4) + j // 4 * 4] for i in range(32) for j in range(32))
    assert len(set(after)) == 2
    slider.send_keys(Keys.HOME)
    assert "level 0" in shown(browser)
    assert pixels(browser, "blocked") == original
    assert complaints(browser) == []


def test_the_canvas_shows_the_stored_spins(opened, result):
    from rgnet import store

    browser = opened()
    name = browser.execute_script(
        "return JSON.parse(document.getElementById('shots').textContent).networks[0]"
        ".points[document.getElementById('coupling').value].name"
    )
    group = store.open(result)[f"snapshots/{name}/majority"].to_dataset().load()
    spins = group["level_0"].values.ravel()
    assert spins.size == 32 * 32
    dark = min(pixels(browser, "original"))
    assert [value == dark for value in pixels(browser, "original")] == list(spins > 0)


def test_arrow_keys_move_the_couplings(opened):
    browser = opened()
    slider = browser.find_element(By.ID, "coupling")
    slider.send_keys(Keys.HOME)
    first, seen = shown(browser), pixels(browser, "original")
    assert "0.9 Kc" in first
    assert slider.get_attribute("aria-valuetext") == "K = 0.3966, 0.9 of critical"
    slider.send_keys(Keys.ARROW_RIGHT)
    assert shown(browser) != first
    assert pixels(browser, "original") != seen
    slider.send_keys(Keys.END)
    assert "the plane z = 0 of 8×8×8" in shown(browser)
    assert browser.find_element(By.ID, "shown").get_attribute("aria-live") == "polite"


def test_the_network_is_chosen_and_sliders_follow(opened):
    browser = opened()
    level = browser.find_element(By.ID, "level")
    browser.find_element(By.ID, "coupling").send_keys(Keys.HOME)
    blocked = pixels(browser, "blocked")
    choice = browser.find_element(By.ID, "network")
    choice.send_keys(Keys.ARROW_DOWN)
    assert "network average" in shown(browser)
    assert len(set(pixels(browser, "blocked"))) > 2, "block averages have greys"
    assert pixels(browser, "blocked") != blocked
    assert "greys" in browser.find_element(By.ID, "greys").text
    choice.send_keys(Keys.ARROW_DOWN)
    assert "network decimation" in shown(browser)
    level.send_keys(Keys.END)
    assert "blocks of 8" in browser.find_element(By.ID, "blocked-caption").text
    boxes = [browser.find_element(By.ID, f"{name}-canvas").rect for name in ("original", "blocked")]
    assert boxes[0]["y"] + boxes[0]["height"] < boxes[1]["y"], "chains lie under each other"
    choice.send_keys(Keys.HOME)
    assert "level 2" in shown(browser), "a slider beyond the end of a shorter network stops there"
    assert complaints(browser) == []


def test_both_pictures_have_one_size(opened):
    browser = opened()
    level = browser.find_element(By.ID, "level")
    for _ in range(3):
        boxes = [browser.find_element(By.ID, f"{name}-canvas").size for name in ("original", "blocked")]
        assert boxes[0] == boxes[1]
        assert boxes[0]["width"] == pytest.approx(boxes[0]["height"], abs=1)
        level.send_keys(Keys.ARROW_RIGHT)


def test_tab_reaches_every_control_and_shows_it(opened):
    browser = opened()
    reached, body = [], browser.find_element(By.TAG_NAME, "body")
    for _ in range(40):
        (browser.switch_to.active_element if reached else body).send_keys(Keys.TAB)
        active = browser.switch_to.active_element
        reached.append(active.get_attribute("id") or active.get_attribute("class") or active.tag_name)
        if reached[-1] in ("level", "coupling", "network", "theme"):
            assert browser.execute_script("return getComputedStyle(arguments[0]).outlineStyle", active) != "none"
        if reached[-1] == "network":
            break
    assert reached[0] == "skip"
    assert {"theme", "level", "coupling", "network"} <= set(reached)


def test_nothing_overflows_a_phone(opened):
    browser = opened(360, 740)
    width, body = browser.execute_script("return [document.documentElement.scrollWidth, document.body.scrollWidth]")
    assert (width, body) <= (360, 360)
    wide = browser.execute_script(
        """
        for (const details of document.querySelectorAll("details")) details.open = true;
        const inside = (e) => e.closest(".scroll, pre, nav, .skip");
        return [...document.body.querySelectorAll("*")].filter(e => !inside(e) &&
          e.getBoundingClientRect().right > 360.5).map(e => e.outerHTML.slice(0, 80));
        """
    )
    assert wide == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    scrolled = browser.execute_script("return [...document.querySelectorAll('.scroll')].some(e => e.scrollWidth > 360)")
    assert scrolled, "wide tables scroll in boxes of their own"


def test_dark_scheme_and_its_button(opened):
    def background():
        text = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in text.strip("rgb()").split(",")) / 3

    browser = opened(scheme="light")
    assert background() > 230
    light = max(pixels(browser, "original"))
    browser = opened(scheme="dark")
    assert background() < 50
    assert max(pixels(browser, "original")) < light, "pictures are drawn for the scheme"
    card = browser.execute_script("return getComputedStyle(document.querySelector('.light')).backgroundColor")
    assert card == "rgb(255, 255, 255)", "figures stay on a light card"
    button = browser.find_element(By.ID, "theme")
    assert button.text == "Light"
    button.click()
    assert background() > 230
    assert max(pixels(browser, "original")) == light
    assert browser.find_element(By.ID, "theme").text == "Dark"


def test_print_has_black_on_white_and_tables_in_order(opened):
    browser = opened()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        colours = browser.execute_script(
            """
            const canvas = document.getElementById("original-canvas");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const seen = new Set();
            for (let i = 0; i < data.length; i += 4) seen.add(data.slice(i, i + 3).join());
            return [...seen].sort();
            """
        )
        assert colours == ["0,0,0", "255,255,255"]
        places = browser.execute_script(
            """
            return [...document.querySelectorAll("table:has(tfoot)")].map(table =>
              [...table.querySelectorAll("tr > th:first-child")].map(cell => cell.getBoundingClientRect().top));
            """
        )
        assert places
        assert all(tops == sorted(set(tops)) for tops in places)
        assert not browser.find_element(By.ID, "level").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_table_heads_stay_while_a_table_scrolls(opened):
    browser = opened(1280, 240)
    top, head = browser.execute_script(
        """
        const box = [...document.querySelectorAll(".scroll")].find(e => e.scrollHeight > e.clientHeight + 20);
        box.scrollTop = 1000;
        return [box.getBoundingClientRect().top, box.querySelector("thead th").getBoundingClientRect().top];
        """
    )
    assert head == pytest.approx(top, abs=2)


def test_without_snapshots_nothing_is_broken(opened, make, stacked):
    table = stacked({"energy": ((), [-1.0]), "energy_stderr": ((), [0.1])}, 1)
    browser = opened(path=report.write(make({"thermodynamics": table})))
    assert browser.find_elements(By.TAG_NAME, "canvas") == []
    browser.find_element(By.ID, "theme").click()
    assert complaints(browser) == []


def test_a_hostile_title_is_shown_and_does_nothing(opened, make, stacked):
    table = stacked({"energy": ((), [-1.0]), "energy_stderr": ((), [0.1])}, 1)
    evil = "<script>document.title='taken'</script><img src=x onerror=document.title='taken'>"
    browser = opened(path=report.write(make({"thermodynamics": table}, title=evil)))
    assert browser.find_element(By.TAG_NAME, "h1").text == evil
    assert "taken" not in browser.title.replace(evil, "")
    assert complaints(browser) == []
