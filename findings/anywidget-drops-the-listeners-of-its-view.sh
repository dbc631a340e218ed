#!/usr/bin/env bash
# anywidget 0.11.0, ipywidgets 8.1.9, JupyterLab 4.6.6: once an anywidget is shown, it does not learn that its kernel was restarted.
#
# What one would guess: an anywidget is an ipywidget. When the kernel restarts, ipywidgets gives the element of each view the class
# "jupyter-widgets-disconnected", and JupyterLab draws a broken link there. But before it renders, anywidget clears the listeners of
# its last rendering by model.off(null, null, view), and the listeners that ipywidgets' DOMWidgetView has made before have
# the same context. So they are gone, that for "comm_live_update" among them, and the widget looks alive.
# What helps: in render, model.on("comm_live_update", ...). The class is right when render is called, and later this event means the end.
#
# Seen with Python 3.11 and Chromium, November 2026: the line that this prints.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check anywidget==0.11.0 ipywidgets==8.1.9 ipykernel==7.4.0 jupyterlab==4.6.6 \
    playwright==1.65.2
cat > finding.py <<'PYTHON'
import os
import secrets
import socket
import subprocess
import sys
import time

import nbformat
from playwright.sync_api import Error, sync_playwright

SHOW = '''import anywidget, ipywidgets
from IPython.display import display
class Own(anywidget.AnyWidget):
    _esm = """export default { render({ model, el }) {
        el.append("own");
        el.classList.add("own");
        model.on("comm_live_update", () => el.classList.add("told"));
    } }"""
own, slider = Own(), ipywidgets.IntSlider()
slider.add_class("theirs")
display(own, slider)'''
cells = [nbformat.v4.new_code_cell(SHOW)]
kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), "own.ipynb")

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
token = secrets.token_hex()
server = [sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", f"--port={port}", f"--IdentityProvider.token={token}"]
server = subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox"]).new_page()
        page.set_default_timeout(60_000)
        for attempt in range(120):
            try:
                page.goto(f"http://127.0.0.1:{port}/lab/tree/own.ipynb?token={token}")
                break
            except Error:
                time.sleep(1)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.locator(".jp-Notebook .jp-Cell .jp-InputArea-editor").first.click()
        page.keyboard.press("Shift+Enter")
        page.locator(".theirs").wait_for()
        page.locator(".own").wait_for()
        page.locator('[data-command="notebook:restart-kernel"], [data-command="kernelmenu:restart"]').first.click()
        page.locator(".jp-Dialog button.jp-mod-accept").click()
        page.locator(".theirs.jupyter-widgets-disconnected").wait_for()
        page.locator(".own.told").wait_for()
        disconnected = "jupyter-widgets-disconnected" in page.locator(".own").get_attribute("class")
        print(f"after a restart: ipywidgets disconnected, anywidget {'disconnected' if disconnected else 'as before'}")
finally:
    server.terminate()
    try:
        server.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.kill()
PYTHON
CHROMIUM=${CHROMIUM:-/usr/bin/chromium} HOME=$folder timeout 400 python/bin/python finding.py 2> errors | tee seen || { cat errors; exit 1; }
if diff - seen <<'EXPECTED'
after a restart: ipywidgets disconnected, anywidget as before
EXPECTED
then
    echo "as described: the view of an anywidget has lost the listeners that ipywidgets gave it"
else
    echo "changed"
    exit 1
fi
