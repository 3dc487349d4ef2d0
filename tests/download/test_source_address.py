import pytest

from stages.common.errors import StageError
from stages.download.source_address import expand_variables


@pytest.mark.parametrize(
    "source",
    [
        "archives/cnmc.zip",
        "/data/a?token=1&b.zip",  # a path, strange as it is
        "https://example.org/cnmc.zip?version=2&download=1",
        "s3://bucket/cnmc.zip",
        "ssh://reader@example.org/data/cnmc.zip",
    ],
)
def test_a_source_without_variables_and_secrets_stays_as_it_is(source: str) -> None:
    assert expand_variables(source) == source


def test_variables_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNED", "X-Amz-Signature=0af3&X-Amz-Expires=9")
    assert expand_variables("https://example.org/a.zip?$SIGNED") == (
        "https://example.org/a.zip?X-Amz-Signature=0af3&X-Amz-Expires=9"
    )
    assert expand_variables("/data/$SIGNED/a.zip").startswith("/data/X-Amz-Signature")


@pytest.mark.parametrize(
    "source", ["https://$WORD:$WORD@example.org/a.zip", "https://example.org/a.zip?token=$WORD"]
)
def test_a_variable_may_stand_where_a_secret_does(
    monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setenv("WORD", "hush")
    assert expand_variables(source) == source.replace("$WORD", "hush")


@pytest.mark.parametrize("source", ["${FOLDER}/a.zip", "https://u:${WORD}@example.org/a.zip"])
def test_braces_are_refused_which_an_experiment_cannot_have(source: str) -> None:
    with pytest.raises(StageError, match=r"holds \$\{ in a path .* write \$NAME without braces"):
        expand_variables(source)


def test_a_variable_that_is_not_set_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(StageError, match="takes NOWHERE from the environment, where it is not set"):
        expand_variables("https://example.org/a.zip?$NOWHERE")


@pytest.mark.parametrize(
    ("source", "held"),
    [
        ("https://$USER:hush@example.org/a.zip", "a password"),
        ("https://hush@example.org/a.zip", "a user name, which may be a token"),
        ("simplecache::https://hush@example.org/a.zip", "a user name, which may be a token"),
        ("ssh://reader:hush@example.org/a.zip", "a password"),
        ("https://example.org/a.zip?X-Amz-Signature=hush&X-Amz-Date=1", "X-Amz-Signature"),
        ("https://example.org/a.zip?X-Goog-Signature=hush", "X-Goog-Signature"),
        ("https://example.org/a.zip?sv=1&sig=hush", "sig"),
        ("https://example.org/a.zip?access_token=hush", "access_token"),
        ("https://example.org/a.zip?apikey=hush", "apikey"),
        ("https://example.org/a.zip?key=hush", "key"),
        ("https://example.org/a.zip?token=hush$WORD", "token"),
    ],
)
def test_a_secret_is_refused_and_not_repeated(source: str, held: str) -> None:
    with pytest.raises(StageError, match=rf"holds {held}, and would be .* \$NAME") as refusal:
        expand_variables(source)
    assert "hush" not in str(refusal.value)


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(StageError, match="is no address"):
        expand_variables("https://[half/a.zip")
