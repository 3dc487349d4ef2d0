"""What can be wrong with `download.weights`: the fault, the value, and what is said of it.

Keras publishes nothing here. `…` stands for a folder with `other.h5`, of other bytes, and
`cut #1.h5`.
"""

from __future__ import annotations

FAULTS_OF_WEIGHTS = [
    ("no such file where Keras publishes them", "imagenet", "the server answered 404"),
    (
        "no network (after 3 tries, in seconds)",
        "http://no-such-host.invalid/w.h5",
        "http://no-such-host.invalid/w.h5: it cannot be reached",
    ),
    ("a misspelt word", "imagenett", "imagenett is not a file in "),
    (
        "a path that YAML has cut off",
        "…/cut",
        "…/cut is not a file, but …/cut #1.h5 is there: in params.yaml a # after a space begins a "
        "comment, so put the path into single quotes",
    ),
    (
        "a path in another case, or without a space at its end (and more: "
        "`tests/download/test_local_file.py`)",
        "…/Other.h5",
        "…/Other.h5 is not a file, but 'other.h5' is there: the names differ in case, in a space "
        "at an end, or in how an accent is written; take the name from the folder, in quotes",
    ),
    ("a file of other weights than those of Keras", "…/other.h5", "…/other.h5: MD5 is"),
]
