"""Jupyter's own test of kernels, jupyter_kernel_test, with samples in Rust for all that it asks and the kernel offers.

What it skips: a pager, which Jupyter has for `name?` in Python alone.
"""

import json
import sys

import pytest
from conftest import LIMIT, kernel_command

import notebooks
import setup

TESTS = setup.TEST_VENV / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
# At the end, so that what .venv has as well comes from there.
sys.path.append(str(TESTS))

assert (TESTS / "jupyter_kernel_test").exists(), "scripts/test installs jupyter_kernel_test into .venv-test"
import jupyter_kernel_test as conformance  # noqa: E402

NAME = "rust-conformance"


@pytest.fixture(scope="module", autouse=True)
def kernelspec(bare, tmp_path_factory):
    """The kernel by a name of its own: it loads nothing, and the tests' patience of 15 s is enough."""
    folder = tmp_path_factory.mktemp("jupyter")
    spec = json.loads((setup.KERNELSPEC / "kernel.json").read_text()) | {"argv": kernel_command(bare)}
    (folder / "kernels" / NAME).mkdir(parents=True)
    (folder / "kernels" / NAME / "kernel.json").write_text(json.dumps(spec))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", f"{folder}:{setup.VENV / 'share' / 'jupyter'}")
        patch.chdir(notebooks.FOLDER)
        yield


class TestKernel(conformance.KernelTests):
    kernel_name = NAME
    language_name = "rust"
    file_extension = ".rs"
    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("a warning");'
    completion_samples = [
        {"text": "String::from_utf16_l", "matches": {"from_utf16_lossy"}},
        {"text": "Vec::<u8>::with_capa", "matches": {"with_capacity"}},
        {"text": '"a".to_upperc', "matches": {"to_uppercase"}},
        # Within a call's parentheses.
        {"text": "Some(1).unwrap_or(i32::MA", "matches": {"MAX"}},
        {"text": "Some(1).unwrap_or(EVEN", "matches": set()},
        {"text": ":version", "matches": {":version"}},
    ]
    complete_code_samples = ["1 + 1", 'println!("(");', "fn double(x: i32) -> i32 {\n    2 * x\n}", "// a comment", ":vars", ""]
    incomplete_code_samples = ["fn double(x: i32) -> i32 {", "let x =", 'let text = "one', "[1, 2]\n    .iter().", "/* a comment"]
    invalid_code_samples = ["fn double(x: i32] {}", "}"]
    code_generate_error = 'let number: i32 = "one";'
    code_execute_result = [{"code": "6 * 7", "result": "42"}, {"code": 'vec!["a", "b"]', "result": '["a", "b"]'}]
    # As the crate `live` shows things.
    shows = r'println!("\u{1f}live/1 {{\"op\":\"display\",\"data\":{{\"text/html\":\"<b>bold</b>\"}}}}");'
    code_display_data = [{"code": shows, "mime": "text/html"}]
    code_history_pattern = "6 ? 7"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "String::from_utf8"
    # As the crate `live` writes it.
    code_clear_output = 'println!("\\u{1f}live/1 {{\\"op\\":\\"clear\\",\\"wait\\":false}}");'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The first cell may take longer than the tests wait.
        cls.kc.execute_interactive("1 + 1", timeout=LIMIT)


class TestWelcome(conformance.IopubWelcomeTests):
    kernel_name = NAME
    support_iopub_welcome = True
