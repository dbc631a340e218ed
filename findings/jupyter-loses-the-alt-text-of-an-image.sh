#!/usr/bin/env bash
# IPython 9.18.1, nbconvert 7.17.2, JupyterLab 4.6.6: the text of Image(data, alt="...") stands in the notebook, and no page has it.
#
# What one would guess: IPython's parameter is there so that pages say it. The kernel writes it where width and height stand,
# metadata "image/png"; nbconvert got support for that place in 2019. But that was the template which is now "classic". The default
# template, "lab", has it not, and nbconvert then fills the gap with words that are wrong: "No description has been provided for this
# image". JupyterLab takes the width from the same entry and makes an <img> without alt. What helps: an <img alt> in text/html.
#
# Seen with Python 3.11 and Chromium, November 2026:
#   notebook: {"image/png": {"alt": "A dot", "width": 50}}
#   nbconvert, classic: alt "A dot", width "50"
#   nbconvert, default: alt "No description has been provided for this image", width "50"
#   JupyterLab: alt None, width "50"
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv python
python/bin/pip install --quiet --disable-pip-version-check ipython==9.18.1 ipykernel==7.4.0 nbconvert==7.17.2 jupyterlab==4.6.6 \
    playwright==1.65.2
cat > finding.py <<'PYTHON'
import json
import os
import secrets
import socket
import struct
import subprocess
import sys
import time
import zlib

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbconvert.preprocessors import ExecutePreprocessor
from playwright.sync_api import Error, sync_playwright


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


pixel = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
open("dot.png", "wb").write(b"\x89PNG\r\n\x1a\n" + pixel)
source = 'from IPython.display import Image\nImage("dot.png", alt="A dot", width=50)'
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
ExecutePreprocessor(kernel_name="python3").preprocess(notebook)
nbformat.write(notebook, "dot.ipynb")
print("notebook:", json.dumps(notebook.cells[0].outputs[0].metadata, sort_keys=True))


def show(label, image):
    print(f"{label}: alt {json.dumps(image('alt')) if image('alt') is not None else None}, width {json.dumps(image('width'))}")


for label, options in [("classic", {"template_name": "classic"}), ("default", {})]:
    html, _ = HTMLExporter(**options).from_notebook_node(notebook)
    show(f"nbconvert, {label}", BeautifulSoup(html, "html.parser").find("img").get)

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
token = secrets.token_hex()
server = [sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", f"--port={port}", f"--IdentityProvider.token={token}"]
server = subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox"]).new_page()
        for attempt in range(120):
            try:
                page.goto(f"http://127.0.0.1:{port}/lab/tree/dot.ipynb?token={token}")
                break
            except Error:
                time.sleep(1)
        image = page.locator(".jp-OutputArea img")
        image.wait_for(timeout=120_000)
        show("JupyterLab", image.get_attribute)
finally:
    server.terminate()
    try:
        server.wait(timeout=20)
    except subprocess.TimeoutExpired:  # seen once, when much else ran
        server.kill()
PYTHON
CHROMIUM=${CHROMIUM:-/usr/bin/chromium} HOME=$folder timeout 400 python/bin/python finding.py 2> errors | tee seen || { cat errors; exit 1; }
if diff - seen <<'EXPECTED'
notebook: {"image/png": {"alt": "A dot", "width": 50}}
nbconvert, classic: alt "A dot", width "50"
nbconvert, default: alt "No description has been provided for this image", width "50"
JupyterLab: alt None, width "50"
EXPECTED
then
    echo "as described: the notebook has the text, JupyterLab and nbconvert's default page do not"
else
    echo "changed"
    exit 1
fi
