import pytest

from demo.names import encode_path, long_date, munge, size_text, stored_name


@pytest.mark.parametrize(
    ("shown", "munged"),
    [
        ("HeavyLoad.tar.gz", "HeavyLoad.tar_.gz"),
        ("CREDITS-furniture.txt.zip", "CREDITS-furniture.txt_.zip"),
        ("8.bit.dub.mp3", "8.bit_.dub_.mp3"),
        ("plain.png", "plain.png"),
        ("no extension", "no extension"),
    ],
)
def test_inner_extensions_are_munged(shown: str, munged: str) -> None:
    assert munge(shown) == munged


def test_colliding_names_are_numbered() -> None:
    taken = {"a.png", "a_0.png"}
    assert stored_name("a.png", taken) == "a_1.png"
    assert stored_name("A.png", taken) == "A.png"


def test_paths_are_encoded_like_rawurlencode() -> None:
    assert encode_path("a b/c(1)'!&+%~-_.ö.png") == "a%20b/c%281%29%27%21%26%2B%25~-_.%C3%B6.png"


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 b"), (999, "999 b"), (90_000, "90 Kb"), (174_790, "174.8 Kb"), (1_230_000, "1.2 Mb")],
)
def test_sizes_are_decimal_and_rounded(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text


def test_the_day_of_a_date_is_not_padded() -> None:
    assert long_date(1_552_150_800) == "Saturday, March 9, 2019 - 17:00"
