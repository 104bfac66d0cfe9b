#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page at / in Chromium, headless: it plays what is made, shows a level, figures and errors, and takes a voice."""
import os
import shutil
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from base_model import make_base_model
from harness import Server, arguments, case, run

OPTIONS = arguments(__doc__)
FOLDER = tempfile.mkdtemp(prefix="qwen3-tts-page-")
make_base_model(FOLDER + "/model")
SERVER = Server(OPTIONS.program, "--model", FOLDER + "/model", "--no-log-access")
BUNDLED = Server(OPTIONS.program, "--no-log-access")


def browser():
    options = webdriver.ChromeOptions()
    for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=900,1000",
                     "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream",
                     "--use-fake-ui-for-media-stream", "--disable-gpu", "--user-data-dir=" + FOLDER + "/profile"]:
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options, Service(shutil.which("chromedriver")))


DRIVER = browser()


def element(name):
    return DRIVER.find_element(By.ID, name)


def until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{what}; status {element('status').text!r}, error {element('error').text!r}"
        time.sleep(0.02)
    return value


def open_page(server):
    DRIVER.get(server.url + "/")
    until(lambda: DRIVER.execute_script("return document.getElementById('model').options.length"), "no models are listed")


def level():
    return int(element("meter").get_attribute("aria-valuenow"))


@case
def it_plays_and_the_level_moves():
    open_page(BUNDLED)
    element("input").clear()
    element("input").send_keys("Good morning. This is a test of the page, which plays what is made.")
    element("speak").click()
    until(lambda: level() > 5, "the level does not move")
    until(lambda: "first audio after" in element("status").text, "no figures")
    link = until(lambda: element("download") if element("download").is_displayed() else None, "no file")
    status = element("status").text
    # It plays for as long as the speech is, and then it is silent.
    until(lambda: level() == 0, "the level does not fall")
    assert link.get_attribute("download") == "speech.wav" and link.get_attribute("href").startswith("blob:")
    assert element("error").text == ""
    return status


@case
def the_keyboard_is_enough():
    open_page(BUNDLED)
    element("input").click()
    seen = []
    for _ in range(12):
        DRIVER.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(DRIVER.switch_to.active_element.get_attribute("id"))
        if seen[-1] == "speak":
            break
    assert seen[-1] == "speak", seen
    DRIVER.switch_to.active_element.send_keys(Keys.ENTER)
    until(lambda: level() > 5, "the level does not move")
    element("stop").send_keys(Keys.ENTER)
    until(lambda: element("status").text == "Stopped.", "it does not stop")
    until(lambda: BUNDLED.busy() == 0, "the speech is made all the same")


@case
def errors_are_shown():
    open_page(BUNDLED)
    DRIVER.execute_script("document.getElementById('voice').append(new Option('nobody', 'nobody'));"
                          "document.getElementById('voice').value = 'nobody'")
    element("speak").click()
    until(lambda: "expected one of" in element("error").text, "no error")
    DRIVER.execute_script("document.getElementById('voice').value = ''")
    element("speak").click()
    until(lambda: level() > 5 and element("error").text == "", "it does not recover")
    element("stop").click()


@case
def a_key_is_asked_for():
    with Server(OPTIONS.program, "--api-key", "secret", "--no-log-access") as server:
        DRIVER.get(server.url + "/")
        until(lambda: element("key").is_displayed(), "no place for a key")
        element("key").send_keys("secret" + Keys.TAB)
        until(lambda: DRIVER.execute_script("return document.getElementById('model').options.length"), "no models")
        element("speak").click()
        until(lambda: level() > 5, "the level does not move")
        element("stop").click()


@case
def a_recording_becomes_a_voice():
    open_page(SERVER)
    recording = FOLDER + "/hello.wav"
    os.system(f"{OPTIONS.program} speak 'This is a recording of somebody who speaks.' -o {recording} 2> /dev/null")
    element("name").send_keys("from a file")
    element("file").send_keys(recording)
    element("transcript").send_keys("This is a recording of somebody who speaks.")
    DRIVER.find_element(By.CSS_SELECTOR, "#upload button").click()
    until(lambda: "voice is there" in element("status").text, "the upload fails")
    assert element("voice").get_attribute("value") == "from a file"
    element("speak").click()
    until(lambda: "first audio after" in element("status").text, "the voice does not speak")
    element("stop").click()
    open_page(SERVER)
    element("name").send_keys("recorded")
    element("record").click()
    until(lambda: element("record").text == "Stop recording", "recording does not begin")
    time.sleep(3)
    element("record").click()
    until(lambda: "Recorded" in element("status").text, "recording does not end")
    DRIVER.find_element(By.CSS_SELECTOR, "#upload button").click()
    until(lambda: "voice is there" in element("status").text, "the upload fails")
    assert "recorded" in SERVER.get("/v1/audio/voices?names_only=true")


@case
def it_fits_a_phone_and_the_dark():
    open_page(BUNDLED)
    DRIVER.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 640, "deviceScaleFactor": 2, "mobile": True})
    assert DRIVER.execute_script("return document.documentElement.scrollWidth <= 360")
    DRIVER.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def canvas(scheme):
        DRIVER.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        return DRIVER.execute_script("return getComputedStyle(document.getElementById('input')).backgroundColor")
    light, dark = canvas("light"), canvas("dark")
    assert light != dark, (light, dark)
    unlabelled = DRIVER.execute_script(
        "return [...document.querySelectorAll('input:not([hidden]), select, textarea')].filter(e => !e.labels.length).map(e => e.id)")
    assert not unlabelled, unlabelled


@case
def nothing_went_wrong_in_silence():
    entries = [entry["message"] for entry in DRIVER.get_log("browser")
               if entry["level"] == "SEVERE" and "favicon" not in entry["message"]]
    # The browser itself notes each answer that is an error: those are what was tested.
    entries = [entry for entry in entries if "the server responded with a status of" not in entry]
    assert not entries, entries


try:
    run(OPTIONS)
finally:
    DRIVER.quit()
    for server in (SERVER, BUNDLED):
        server.__exit__()
    shutil.rmtree(FOLDER, ignore_errors=True)
