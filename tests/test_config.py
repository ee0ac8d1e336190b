"""Settings: from the environment and from flags, and what is said of a wrong one."""

import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from scores.config import Config, Setting, settings, unknown_variables
from scores.errors import ConfigError
from scores.models import Repeats


def test_nothing_set_means_the_defaults() -> None:
    assert Config.read({}, {}) == Config()


def test_a_variable_is_read() -> None:
    config = Config.read({"SCORES_PORT": "9000", "SCORES_REPEATS": "max", "SCORES_FEED": "off"}, {})
    assert (config.port, config.repeats, config.feed) == (9000, Repeats.MAX, None)


def test_what_is_said_of_a_wrong_url_keeps_its_password() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.read({"SCORES_FEED": "http://user:s3cret@host:99999/x"}, {})
    assert "s3cret" not in str(caught.value)
    assert "@host:99999/x" in str(caught.value)


def test_a_flag_wins_over_its_variable() -> None:
    assert Config.read({"SCORES_PORT": "9000"}, {"port": "9001"}).port == 9001


@pytest.mark.parametrize("text", ["", "off", " "])
def test_the_feed_can_be_off(text: str) -> None:
    assert Config.read({"SCORES_FEED": text}, {}).feed is None


@pytest.mark.parametrize(("text", "seconds"), [("0.5", 0.5), ("30", 30.0), ("30s", 30.0)])
def test_a_time_is_in_seconds(text: str, seconds: float) -> None:
    assert Config.read({"SCORES_FEED_BACKOFF_MAX": text}, {}).feed_backoff_max == seconds


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SCORES_PORT", "http"),
        ("SCORES_PORT", "65536"),
        ("SCORES_PORT", ""),
        ("SCORES_HOST", " "),
        ("SCORES_STORE", ""),
        ("SCORES_FEED", "ftp://example.org/"),
        ("SCORES_FEED", "http://"),
        ("SCORES_FEED", "http://[::1"),
        ("SCORES_FEED", "http://host:port/"),
        ("SCORES_FEED", "http://host:99999/"),
        ("SCORES_FEED", "http://host:0/"),
        ("SCORES_FEED", "http://a b/"),
        ("SCORES_FEED", "http://a..b/"),
        ("SCORES_FEED", "http://a\\b/"),
        ("SCORES_FEED", "http://host/%zz"),
        ("SCORES_PORT", "1_0"),
        ("SCORES_PORT", "٣"),
        ("SCORES_REPEATS", "newest"),
        ("SCORES_WORKERS", "0"),
        ("SCORES_WORKERS", "65"),
        ("SCORES_LOG_LEVEL", "loud"),
        ("SCORES_LOG_FORMAT", "xml"),
        ("SCORES_ACCESS_LOG", "yes"),
        ("SCORES_MAX_BODY", "0"),
        ("SCORES_BODY_TIMEOUT", "nan"),
        ("SCORES_BODY_TIMEOUT", "inf"),
        ("SCORES_BODY_TIMEOUT", "soon"),
    ],
)
def test_a_wrong_setting_is_one_line_with_name_value_and_what_is_allowed(variable: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.read({variable: text}, {})
    sentence = str(caught.value)
    assert sentence.startswith(f"{variable}={text!r} is not allowed: it must be ")
    assert "\n" not in sentence


def test_a_wrong_flag_is_named_as_a_flag() -> None:
    with pytest.raises(ConfigError, match=r"^--max-body='x'"):
        Config.read({}, {"max_body": "x"})


def test_the_shortest_wait_cannot_be_the_longer_one() -> None:
    with pytest.raises(ConfigError, match="SCORES_FEED_BACKOFF_MIN=40 is not allowed: it must be at most"):
        Config.read({"SCORES_FEED_BACKOFF_MIN": "40"}, {})


def test_a_misspelt_variable_is_named_with_the_right_one() -> None:
    (sentence,) = unknown_variables({"SCORES_PROT": "1", "SCORES_PORT": "2", "PATH": "x"})
    assert sentence == "SCORES_PROT is not a setting and is ignored; did you mean SCORES_PORT?"


def test_a_variable_like_no_other_is_named_alone() -> None:
    assert unknown_variables({"SCORES_ZZZZZZZZZZ": "1"}) == [
        "SCORES_ZZZZZZZZZZ is not a setting and is ignored"
    ]


@pytest.mark.parametrize("setting", settings(), ids=lambda setting: setting.name)
def test_every_default_reads_back_as_itself(setting: Setting) -> None:
    assert setting.read(setting.shown_default, "") == setting.default


@pytest.mark.parametrize("setting", settings(), ids=lambda setting: setting.name)
def test_flag_and_variable_are_made_from_the_name(setting: Setting) -> None:
    assert re.fullmatch("--[a-z-]+", setting.flag)
    assert setting.variable == "SCORES_" + setting.flag[2:].replace("-", "_").upper()


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(
            feed=None, access_log=True, repeats=Repeats.MAX, store="x://me:a%20b@host/0?c=d e", host="::1"
        ),
        Config(shutdown_timeout=0.00001, feed_idle_timeout=1234.5678, keepalive_timeout=1 / 3, workers=64),
    ],
)
def test_the_settings_can_be_handed_on(config: Config) -> None:
    assert Config.read(config.environ(), {}) == config


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().port = 1  # type: ignore[misc]  # that is the fact


@pytest.mark.parametrize("setting", settings(), ids=lambda setting: setting.name)
def test_the_reference_page_has_every_setting(setting: Setting) -> None:
    page = (Path(__file__).parent.parent / "docs/reference/settings.md").read_text(encoding="utf-8")
    flag = "–" if setting.secret else f"`{setting.flag}`"
    row = (
        f"| {flag} | `{setting.variable}` | `{setting.shown_default}` | {setting.about} | {setting.allowed} |"
    )
    assert row in page.splitlines()
