#!/usr/bin/env python3
"""The status page in headless Chromium, by mouse and by keyboard; leaves screenshots.

    page_test.py --bridge PATH --demo PATH --screenshots FOLDER
"""

import argparse
import contextlib
import os
import pathlib
import sys
import tempfile
import threading
import time

import stack

PATIENCE = 30  # seconds, for anything


class Page:
    def __init__(self, bridge, folder, profile):
        # Imported here: where it is missing that is said in words.
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--disable-background-networking", "--disable-component-update",
                         "--hide-scrollbars", "--force-prefers-reduced-motion", f"--user-data-dir={profile}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_window_size(1240, 1000)
        self.bridge, self.folder = bridge, folder

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def text(self, selector):
        return self.js("const n = document.querySelector(arguments[0]);"
                       "return n && !n.closest('[hidden]') ? n.textContent : null", selector)

    def wait(self, what, condition):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(0.05)
        self.shoot("failed")
        raise AssertionError(f"not within {PATIENCE} s: {what}")

    def wait_text(self, selector, wanted):
        self.wait(f"{selector} says {wanted!r}, not {self.text(selector)!r}",
                  lambda: wanted in (self.text(selector) or ""))

    def field(self, name):
        """The input whose caption is `name`."""
        return self.js(
            "const caption = [...document.querySelectorAll('#tool-fields .caption')]"
            "  .find(c => c.textContent === arguments[0]);"
            "return caption && caption.closest('label').control", name)

    def choose(self, server, tool):
        self.js("const s = document.querySelector('#tool-server'); s.value = arguments[0];"
                "s.dispatchEvent(new Event('change'))", server)
        self.wait(f"{tool} of {server} is listed", lambda: self.js(
            "return [...document.querySelectorAll('#tool-list [role=option]')]"
            "  .some(o => o.textContent === arguments[0])", tool))
        self.js("[...document.querySelectorAll('#tool-list [role=option]')]"
                "  .find(o => o.textContent === arguments[0]).click()", tool)

    def click(self, selector):
        """Not by the mouse, which what grows above it would carry away."""
        self.js("document.querySelector(arguments[0]).click()", selector)

    def run(self):
        self.click("#run")

    def shoot(self, name, whole=True):
        """A screenshot of the whole page, or of what is seen of it."""
        if whole:
            width, height = self.js("return [innerWidth, document.documentElement.scrollHeight]")
            self.driver.set_window_size(width, min(height + 150, 4000))
        self.driver.save_screenshot(str(self.folder / f"{name}.png"))

    def cdp(self, command, **arguments):
        self.driver.execute_cdp_cmd(command, arguments)


def traffic(bridge, over):
    """Something to see."""
    while not over.is_set():
        bridge.call("demo", "echo", {"text": "hello"})
        bridge.call("demo", "sleep", {"ms": 15})
        bridge.call("child", "add", {"a": 1, "b": 2})
        bridge.call("demo", "sleep", {"ms": 900}, {"grpc-timeout": "60m"})
        over.wait(0.02)


def test_key(page):
    page.driver.get(f"http://localhost:{page.bridge.admin.rpartition(':')[2]}/")
    page.wait("the key is asked for", lambda: page.js("return document.querySelector('dialog').open"))
    assert page.js("return document.activeElement.id") == "key"
    page.find("#key").send_keys("wrong\n")
    page.wait_text("#key-wrong", "not the key")
    page.wait("it is asked for again", lambda: page.js("return document.querySelector('dialog').open"))
    page.find("#key").send_keys(stack.KEY + "\n")
    page.wait_text("#ready", "serving")
    assert page.js("return [localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert page.js("return document.querySelector('#key').value") == ""


def test_upstreams(page):
    page.wait("four servers", lambda: page.js("return document.querySelectorAll('.card').length") == 4)
    page.wait("the one that is gone is shown so", lambda: page.js(
        "return document.querySelectorAll('.card.not_serving').length") == 1)
    page.wait("the others serve", lambda: page.js(
        "return document.querySelectorAll('.card.serving').length") == 3)
    assert page.text(".card.not_serving h3") == "gone"
    assert page.text(".card.not_serving .error")
    assert "processes1" in page.text(".card[aria-label='Server child'] dl")


def test_form(page):
    page.choose("demo", "sleep")
    page.run()  # without what is needed
    page.wait_text("#tool-fields .fault", "needed")
    assert page.field("ms").get_attribute("aria-invalid") == "true"
    assert page.js("return document.activeElement.id") == page.field("ms").get_attribute("id")
    page.field("ms").send_keys("-5")
    page.run()
    page.wait_text("#tool-fields .fault", "At least 0")
    page.field("ms").clear()
    page.field("ms").send_keys("10")
    page.run()
    page.wait_text("#result-state", "OK")


def test_deadline_and_cancel(page):
    page.choose("demo", "sleep")
    page.field("ms").send_keys("20000")
    page.js("document.querySelector('#deadline').value = '150'")
    page.run()
    page.wait_text("#result-state", "DEADLINE_EXCEEDED")
    page.js("document.querySelector('#deadline').value = '30000'")
    page.run()
    page.wait_text("#result-state", "running")
    page.wait("it is among the calls under way", lambda: page.js(
        "return [...document.querySelectorAll('#calls tr')].some(r => r.textContent.includes('sleep')"
        "  && parseFloat(r.children[6].textContent) > 15)"))
    page.click("#cancel")
    page.wait_text("#result-state", "cancelled")
    page.wait("the bridge knows", lambda: page.bridge.metrics().get(
        'mcpbridge_calls_total{front="http",server="demo",method="tools/call",tool="sleep",'
        'reason="CANCELLED"}') == 1)


def test_schema(page):
    page.choose("shapes", "shapes")
    page.field("big").send_keys("9007199254740993")
    page.js("const c = arguments[0]; c.value = JSON.stringify('a \"quoted\" one')", page.field("colour"))
    page.field("name").send_keys("here")
    page.field("tags").send_keys("one\ntwo")
    page.field("free").send_keys('{"x": [1, null]}')
    page.run()
    page.wait_text("#result-state", "OK")
    sent = page.text("#result-content")
    wanted = (r'"arguments":{"big":9007199254740993,"colour":"a \"quoted\" one",'
              r'"where":{"name":"here"},"tags":["one","two"],"free":{"x": [1, null]}}')
    assert wanted in sent, sent
    page.click("#as-json")
    assert "9007199254740993" in page.js("return document.querySelector('#raw').value")
    page.js("document.querySelector('#raw').value = '[]'")
    page.run()
    page.wait_text("#result-state", "an object is needed")


def test_answers(page):
    page.choose("demo", "image")
    page.run()
    page.wait("a picture", lambda: page.js(
        "const i = document.querySelector('#result-content img'); return i && i.naturalWidth > 0"))
    page.choose("demo", "fail")
    page.run()
    page.wait_text("#result-state", "reports an error")
    page.choose("demo", "count")
    page.field("to").send_keys("3")
    page.field("interval_ms").send_keys("20")
    page.run()
    page.wait_text("#result-state", "OK")


def test_keyboard(page):
    """A tool is found, filled in and called without a mouse."""
    from selenium.webdriver.common.keys import Keys
    page.choose("demo", "my_tool")
    page.find("#tool-filter").send_keys("ec")
    page.wait("the list is filtered", lambda: page.js(
        "return document.querySelectorAll('#tool-list [role=option]').length") < 10)
    page.find("#tool-filter").send_keys("ho")
    page.find("#tool-list").send_keys(Keys.HOME)
    page.wait_text("#tool-name", "echo")
    assert page.js("return document.querySelector('#tool-list').getAttribute('aria-activedescendant')")
    page.field("text").send_keys("by keyboard", Keys.CONTROL + Keys.ENTER)
    page.wait_text("#result-content", "by keyboard")
    page.find("#tool-filter").clear()
    page.find("#tool-filter").send_keys(" ", Keys.BACKSPACE)


def test_latency(page):
    page.wait("some polls", lambda: page.js(
        "return Number(document.documentElement.dataset.polls)") >= 6)
    for line in ("p50", "p95", "p99"):
        assert len(page.js("return document.querySelector(arguments[0]).getAttribute('d')",
                           f"#plot-latency path.{line}")) > 20
    assert page.js("return [...document.querySelectorAll('#by-tool tr')].some("
                   "  r => r.textContent.startsWith('demoecho'))")
    assert "ms" in page.text("#tile-latency")


def test_log_level(page):
    page.js("const s = document.querySelector('#log-level'); s.value = 'debug';"
            "s.dispatchEvent(new Event('change'))")
    page.wait("the level", lambda: page.bridge.ask("GET", "/debug/log_level")[1] == '{"level":"debug"}')


def test_names(page):
    """Everything that can be used has a name for who can't see it."""
    nameless = page.js(
        "return [...document.querySelectorAll('input, select, textarea, button')].filter(e =>"
        "  !(e.labels && e.labels.length) && !e.getAttribute('aria-label') && !e.textContent.trim()"
        ").map(e => e.outerHTML)")
    assert not nameless, nameless
    assert page.js("return document.documentElement.lang && document.querySelectorAll('h1').length === 1")


def test_looks(page):
    """Light, dark and on a phone, where nothing is wider than the screen."""
    page.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    page.shoot("page-light")
    light = page.js("return getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.js("return getComputedStyle(document.body).backgroundColor") != light
    page.click("#theme")
    page.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    page.js("document.documentElement.classList.remove('light', 'dark')")
    assert page.js("return getComputedStyle(document.body).backgroundColor") != light
    page.shoot("page-dark")
    page.cdp("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True)
    page.wait("the layout of a phone", lambda: page.js("return innerWidth") == 390)
    assert page.js("return document.documentElement.scrollWidth") <= 390
    page.js("scrollTo(0, 0)")
    page.shoot("page-phone", whole=False)
    page.cdp("Emulation.clearDeviceMetricsOverride")


def test_nothing_else_was_asked(page):
    port = page.bridge.admin.rpartition(":")[2]
    others = [name for name in page.js(
        "return performance.getEntriesByType('resource').map(e => e.name)")
        if not name.startswith((f"http://localhost:{port}/", "data:"))]
    assert not others, others
    # A refusal is what the test of the key wants; anything else, a breach of the policy above all,
    # is an error of the page's.
    wrong = [entry["message"] for entry in page.driver.get_log("browser")
             if entry["level"] == "SEVERE" and "401" not in entry["message"]]
    assert not wrong, wrong


def test_the_bridge_goes(page):
    page.bridge.bridge.stop()
    page.wait_text("#trouble", "doesn’t answer")


TESTS = [test_key, test_upstreams, test_form, test_deadline_and_cancel, test_schema, test_answers,
         test_keyboard, test_latency, test_log_level, test_names, test_looks,
         test_nothing_else_was_asked, test_the_bridge_goes]


def main():
    parser = argparse.ArgumentParser()
    for name in ("bridge", "demo", "screenshots"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    args = parser.parse_args()
    stack.need("chromium", "chromedriver")
    try:
        import selenium  # noqa: F401
    except ImportError:
        print("python3-selenium is not installed: scripts/install-deps.sh --test")
        sys.exit(1 if os.environ.get("CI") == "true" else stack.SKIPPED)
    args.screenshots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work, contextlib.ExitStack() as exits:
        work = pathlib.Path(work)
        bridge = stack.Stack(args.bridge, args.demo, work)
        exits.callback(bridge.close)
        over = threading.Event()
        worker = threading.Thread(target=lambda: _quietly(traffic, bridge, over))
        worker.start()
        exits.callback(worker.join)
        exits.callback(over.set)
        page = Page(bridge, args.screenshots, work / "profile")
        exits.callback(page.driver.quit)
        for test in TESTS:
            began = time.monotonic()
            test(page)
            print(f"{test.__name__}: ok ({time.monotonic() - began:.1f} s)", flush=True)


def _quietly(function, *arguments):
    with contextlib.suppress(OSError, ValueError):  # the bridge has gone
        function(*arguments)


if __name__ == "__main__":
    main()
