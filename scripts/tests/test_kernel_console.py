"""The kernel in `jupyter console`: a terminal, with Ctrl-C as the stop button."""

import os
import sys
import time

import pytest
from conftest import LIMIT, LOOP

import notebooks

pexpect = pytest.importorskip("pexpect")
pytest.importorskip("jupyter_console")


def test_a_console_prints_and_ctrl_c_asks_first():
    environment = os.environ | {"TERM": "dumb", "PROMPT_TOOLKIT_NO_CPR": "1"}
    options = {"env": environment, "timeout": LIMIT, "encoding": "utf-8", "cwd": str(notebooks.FOLDER)}
    console = pexpect.spawn(sys.executable, ["-m", "jupyter_console", "--kernel=rust"], dimensions=(40, 120), **options)
    try:
        console.expect(r"In \[")
        console.send('println!("hel{}", "lo");\r')
        console.expect("hello")
        console.expect(r"In \[")
        console.send('println!("be{}", "gin"); ' + LOOP.replace("\n", " ") + "\r")
        console.expect("begin")
        time.sleep(1)
        console.sendintr()
        console.expect("Interrupt it once more")
        console.sendintr()
        console.expect("All variables are gone")
        console.expect(r"In \[")
        console.send("1 + 41\r")
        console.expect("42")
    finally:
        console.close(force=True)
