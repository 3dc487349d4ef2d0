"""JavaScript modules as one script."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.export.page.joined_scripts import joined_scripts
from tests.own_sets import write_files


def test_each_module_comes_once_and_after_what_it_imports(tmp_path: Path) -> None:
    one = "export function one() {}\nexport const ONE = 1;\nexport async function go() {}\n"
    two = 'import { one } from "./one.js";\nexport class Two {}\n'
    main = 'import { two } from "./two.js";\nimport {\n  one,\n} from "./one.js";\nmain();\n'
    texts = {"main.js": main, "two.js": two, "one.js": one}
    folder = write_files(tmp_path, {name: text.encode() for name, text in texts.items()})
    joined = joined_scripts(folder / "main.js")

    assert [line for line in joined.splitlines() if line] == [
        "function one() {}",
        "const ONE = 1;",
        "async function go() {}",
        "class Two {}",
        "main();",
    ]


def test_modules_may_import_each_other(tmp_path: Path) -> None:
    texts = {
        "one.js": b'import { two } from "./two.js";\nexport function one() {}\n',
        "two.js": b'import { one } from "./one.js";\nexport function two() {}\n',
    }
    joined = joined_scripts(write_files(tmp_path, texts) / "one.js")

    assert joined.split("\n") == ["function two() {}", "", "function one() {}", ""]


@pytest.mark.parametrize("line", ['import x from "./x.js";', "export { x };", "export default x;"])
def test_other_imports_and_exports_are_refused(tmp_path: Path, line: str) -> None:
    module = write_files(tmp_path, {"main.js": f"{line}\n".encode()}) / "main.js"

    with pytest.raises(ValueError, match=r"main.js: .* is no import or export that can be joined"):
        joined_scripts(module)
