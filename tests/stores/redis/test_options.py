"""URLs of Redis stores: what each asks for, and what is said of a wrong one."""

import dataclasses
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scores.errors import ConfigError
from scores.stores import open_store
from scores.stores.redis.options import Options, parse_options

WORD = "hunter2"


def refused(url: str) -> str:
    """What is said of a wrong URL."""
    with pytest.raises(ConfigError) as caught:
        parse_options(url)
    return str(caught.value)


# What each scheme asks for.


def test_a_server_is_a_host_and_a_port() -> None:
    assert parse_options("redis://db.example:7000") == Options(
        scheme="redis", nodes=(("db.example", 7000),), db=0
    )


@pytest.mark.parametrize(
    ("url", "nodes"),
    [
        ("redis://h", [("h", 6379)]),
        ("rediss://h", [("h", 6379)]),
        ("redis+sentinel://h/main", [("h", 26379)]),
        ("redis+cluster://h", [("h", 6379)]),
        ("redis+sentinel://a,b:1,c/main", [("a", 26379), ("b", 1), ("c", 26379)]),
        ("redis+cluster://a:7000,b:7001,c", [("a", 7000), ("b", 7001), ("c", 6379)]),
    ],
)
def test_a_port_that_is_not_written_is_the_usual_one(url: str, nodes: list[tuple[str, int]]) -> None:
    assert parse_options(url).nodes == tuple(nodes)


@pytest.mark.parametrize("port", [1, 80, 6379, 65535])
def test_any_port_can_be_named(port: int) -> None:
    assert parse_options(f"redis://h:{port}").nodes == (("h", port),)


@pytest.mark.parametrize(
    ("url", "nodes"),
    [
        ("redis://[::1]", [("::1", 6379)]),
        ("rediss://[2001:db8::5]:7000/1", [("2001:db8::5", 7000)]),
        ("redis://:hunter2@[::ffff:127.0.0.1]:7000", [("::ffff:127.0.0.1", 7000)]),
        ("redis+sentinel://[::1],[::2]:5/main", [("::1", 26379), ("::2", 5)]),
        ("redis+cluster://a:1,[::1]:2,b", [("a", 1), ("::1", 2), ("b", 6379)]),
    ],
)
def test_an_ipv6_host_is_written_in_brackets(url: str, nodes: list[tuple[str, int]]) -> None:
    assert parse_options(url).nodes == tuple(nodes)


@pytest.mark.parametrize(
    ("url", "db"),
    [
        ("redis://h", 0),
        ("redis://h/", 0),
        ("redis://h/0", 0),
        ("rediss://h/12", 12),
        ("redis://h?db=3", 3),
        ("unix:///run/redis.sock", 0),
        ("unix:///run/redis.sock?db=3", 3),
        ("redis+sentinel://h/main", 0),
        ("redis+sentinel://h/main/", 0),
        ("redis+sentinel://h/main/7", 7),
        ("redis+cluster://h", 0),
        ("redis+cluster://h/", 0),
        ("redis+cluster://h/0", 0),
    ],
)
def test_a_database_is_a_number_that_may_be_left_out(url: str, db: int) -> None:
    assert parse_options(url).db == db


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("unix:///run/redis.sock", "/run/redis.sock"),
        ("unix://:hunter2@/run/redis.sock", "/run/redis.sock"),
        ("unix:///run/a%20b%3F%23.sock?db=1", "/run/a b?#.sock"),
    ],
)
def test_a_unix_socket_is_an_absolute_path(url: str, path: str) -> None:
    options = parse_options(url)
    assert (options.path, options.nodes) == (path, ())


def test_sentinels_have_a_service() -> None:
    options = parse_options("redis+sentinel://u:p@a:1,b/my-master/2?sentinel_username=s&sentinel_password=w")
    assert (options.nodes, options.service, options.db) == ((("a", 1), ("b", 26379)), "my-master", 2)
    assert (options.username, options.password) == ("u", "p")
    assert (options.sentinel_username, options.sentinel_password) == ("s", "w")


def test_a_service_may_be_written_percent_encoded() -> None:
    assert parse_options("redis+sentinel://h/my%20master").service == "my master"


@pytest.mark.parametrize(
    ("credentials", "username", "password"),
    [
        ("", None, None),
        (":p@", None, "p"),
        ("u:p@", "u", "p"),
        ("u@", "u", None),
        ("u:@", "u", ""),
        ("u:a:b@", "u", "a:b"),
        ("u%3Ax:p@", "u:x", "p"),
        (":%40%3A%2F%3F%23%25%5B%5D@", None, "@:/?#%[]"),
        (":p%C3%A9@", None, "pé"),
        (":a+b@", None, "a+b"),
    ],
)
def test_who_asks_is_written_before_the_host(
    credentials: str, username: str | None, password: str | None
) -> None:
    options = parse_options(f"redis://{credentials}h:1")
    assert (options.username, options.password) == (username, password)
    assert options.nodes == (("h", 1),)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_password_can_be_written_percent_encoded(password: str) -> None:
    options = parse_options(f"redis://:{quote(password, safe='')}@h/1")
    assert (options.password, options.nodes, options.db) == (password, (("h", 6379),), 1)


@pytest.mark.parametrize(
    ("url", "tls"), [("redis://h", False), ("rediss://h", True), ("redis+cluster://h?tls=on", True)]
)
def test_tls_is_in_the_scheme_or_asked_for(url: str, tls: bool) -> None:
    assert parse_options(url).tls is tls


def test_a_server_is_verified_unless_the_url_says_otherwise() -> None:
    assert parse_options("rediss://h").tls_verify
    assert not parse_options("rediss://h?tls_verify=off").tls_verify


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("prefix=mine", "prefix", "mine"),
        ("prefix=a%3Ab", "prefix", "a:b"),
        ("shards=1", "shards", 1),
        ("shards=1024", "shards", 1024),
        ("timeout=0.1", "timeout", 0.1),
        ("timeout=300", "timeout", 300.0),
        ("queue=1", "queue", 1),
        ("queue=1000000", "queue", 1_000_000),
        ("replicas=16", "replicas", 16),
        ("require_aof=off", "require_aof", "off"),
        ("require_aof=everysec", "require_aof", "everysec"),
        ("require_aof=always", "require_aof", "always"),
        ("tls_ca=%2Fca.pem", "tls_ca", "/ca.pem"),
        ("tls_cert=c.pem", "tls_cert", "c.pem"),
        ("tls_key=k.pem", "tls_key", "k.pem"),
    ],
)
def test_an_option_is_read_and_changes_nothing_else(text: str, name: str, value: object) -> None:
    expected = dataclasses.asdict(parse_options("redis://h")) | {name: value}
    assert dataclasses.asdict(parse_options(f"redis://h?{text}")) == expected


def test_options_go_together() -> None:
    options = parse_options("redis://h/2?shards=3&timeout=1.5&prefix=p")
    assert (options.shards, options.timeout, options.prefix, options.db) == (3, 1.5, "p", 2)


def test_what_is_left_out_is_the_documented_default() -> None:
    options = parse_options("redis://h")
    assert (options.prefix, options.shards, options.timeout, options.queue) == ("scores", None, 5.0, 10_000)
    assert (options.replicas, options.require_aof) == (0, "off")


def test_what_the_options_show_has_no_password() -> None:
    url = f"redis+sentinel://u:{WORD}@h/main?sentinel_password={WORD}"
    assert WORD not in repr(parse_options(url))


# What is said of a wrong one.


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("redis", "redis://"),
        ("redis:", "redis://"),
        ("redis:h", "redis://"),
        ("redis://", "redis://"),
        ("rediss:/h", "rediss://"),
        ("unix:/run/redis.sock", "unix://"),
        ("redis+cluster:", "redis+cluster://"),
        ("redis:///0", "it must name a host"),
        ("redis://h:", "host:port"),
        ("redis://h:x", "host:port"),
        ("redis://h:0", "host:port"),
        ("redis://h:65536", "host:port"),
        ("redis://h:123456", "host:port"),
        ("redis://h:１", "host:port"),
        ("redis://:6379", "host:port"),
        ("redis://::1", "host:port"),
        ("redis://h i", "host:port"),
        ("redis+cluster://a,,b", "host:port"),
        ("redis+cluster://a,", "host:port"),
        ("redis+sentinel:///main", "it must name the sentinels"),
        ("redis://[::1", "IPv6"),
        ("redis://a,b", "redis+sentinel:// and redis+cluster://"),
        ("redis://h/x", "number"),
        ("redis://h/-1", "number"),
        ("redis://h/1/2", "number"),
        ("redis://h/99999", "number"),
        ("redis://h/１", "number"),
        ("redis+sentinel://h/main/x", "number"),
        ("redis+sentinel://h", "redis+sentinel://host:26379/mymaster"),
        ("redis+sentinel://h/", "redis+sentinel://host:26379/mymaster"),
        ("redis+sentinel://h//1", "redis+sentinel://host:26379/mymaster"),
        ("redis+cluster://h/1", "database 0 only"),
        ("unix://", "unix://"),
        ("unix:///", "unix:///run/redis.sock"),
        ("unix://run/redis.sock", "unix:///run/redis.sock"),
        ("redis://h#1", "%23"),
        ("redis://h?colour=red", "prefix, shards, timeout, queue, replicas, require_aof, db, tls"),
        ("redis://h?=1", "prefix, shards"),
        ("redis://h?prefix=", "1 to 64 characters"),
        ("redis://h?prefix=a{b", "1 to 64 characters"),
        ("redis://h?prefix=a}b", "1 to 64 characters"),
        ("redis://h?prefix=a+b", "1 to 64 characters"),
        ("redis://h?prefix=a%00b", "1 to 64 characters"),
        ("redis://h?prefix=" + "x" * 65, "1 to 64 characters"),
        ("redis://h?shards=0", "from 1 to 1024"),
        ("redis://h?shards=1025", "from 1 to 1024"),
        ("redis://h?shards=", "from 1 to 1024"),
        ("redis://h?shards=-1", "from 1 to 1024"),
        ("redis://h?shards=1.5", "from 1 to 1024"),
        ("redis://h?shards=１", "from 1 to 1024"),
        ("redis://h?shards=" + "9" * 5000, "from 1 to 1024"),
        ("redis://h?timeout=0", "seconds from 0.1 to 300"),
        ("redis://h?timeout=301", "seconds from 0.1 to 300"),
        ("redis://h?timeout=nan", "seconds from 0.1 to 300"),
        ("redis://h?timeout=inf", "seconds from 0.1 to 300"),
        ("redis://h?timeout=1e1", "seconds from 0.1 to 300"),
        ("redis://h?timeout=1.2.3", "seconds from 0.1 to 300"),
        ("redis://h?timeout=.", "seconds from 0.1 to 300"),
        ("redis://h?queue=0", "from 1 to 1000000"),
        ("redis://h?queue=1000001", "from 1 to 1000000"),
        ("redis://h?replicas=17", "from 0 to 16"),
        ("redis://h?require_aof=no", "off, everysec, always"),
        ("redis://h?db=x", "from 0 to 9999"),
        ("redis://h?tls=yes", "on, off"),
        ("redis://h?tls_verify=", "on, off"),
        ("redis://h?tls_ca=", "a file"),
        ("redis://h?tls_cert=", "a file"),
        ("redis://h?tls_key=", "a file"),
        ("redis://h?sentinel_username=", "a user name"),
        ("redis://h?sentinel_password=", "a password"),
    ],
)
def test_a_wrong_url_is_told_what_is_allowed_in_one_line(url: str, allowed: str) -> None:
    said = refused(url)
    assert allowed in said
    assert said.isprintable()


def test_a_wrong_option_is_shown() -> None:
    assert "shards='many'" in refused("redis://h?shards=many")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("redis+cluster://h?db=1", "database 0 only"),
        ("rediss://h?tls=off", "rediss"),
        ("unix:///run/redis.sock?tls=on", "unix"),
    ],
)
def test_an_option_that_contradicts_the_rest_is_refused(url: str, allowed: str) -> None:
    assert allowed in refused(url)


@pytest.mark.parametrize(
    "address", ["redis://h", "rediss://h", "unix:///h", "redis+sentinel://h/m", "redis+cluster://h"]
)
async def test_opening_a_wrong_url_says_what_is_wrong(address: str) -> None:
    with pytest.raises(ConfigError, match="the option 'colour' is not known: there are prefix, shards"):
        async with open_store(f"{address}?colour=red"):
            pass


async def test_an_unknown_scheme_is_told_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"redis, rediss, unix, redis\+sentinel, redis\+cluster") as caught:
        async with open_store(f"redis+tls://:{WORD}@h"):
            pass
    assert WORD not in str(caught.value)


# The password never gets into a message.


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@h:x",
        "redis://:hunter2@h/x",
        "redis://:hunter2@h?colour=red",
        "redis://:hunter2@a,b",
        "redis://hunter2@",
        "redis://:hunter2@[::1",
        "redis://:hunter2@h#x",
        "redis://:hunter2@x@h:0",
        "unix://:hunter2@run/redis.sock",
        "unix://:hunter2@host/run/redis.sock",
        "redis+sentinel://:hunter2@h?sentinel_password=hunter2",
        "redis+sentinel://h/main/x?sentinel_password=hunter2",
        "redis+cluster://:hunter2@h/1",
        "redis://h?password=hunter2",
    ],
)
def test_a_wrong_url_keeps_its_password(url: str) -> None:
    said = refused(url)
    assert WORD not in said
    assert said.isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "redis:hunter2@h",
        "redis:/:hunter2@h",
        "rediss:user:hunter2@h:6379/0",
        "unix::hunter2@/run/redis.sock",
    ],
)
def test_a_url_without_its_slashes_keeps_its_password(url: str) -> None:
    said = refused(url)
    assert WORD not in said
    assert said.isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2/x@h",
        "redis://:x/hunter2@h",
        "redis://user:hunter2/x@h:6379/0",
        "redis://1:2/hunter2@h",
        "redis://:hunter2?x@h",
        "redis://h?x=/:hunter2@h",
        "redis://:x?hunter2@h",
        "redis://:hunter2#x@h",
        "redis://:hunter2\N{ACCOUNT OF}@h",
        "redis://:x[hunter2]@h",
        "redis+sentinel://:hunter2/x@h/main",
        "redis+sentinel://user:1/hunter2@h/main",
        "redis+cluster://:hunter2/x@h",
        "unix://:hunter2/x@/run/redis.sock",
    ],
)
def test_a_password_that_is_not_percent_encoded_is_kept_too(url: str) -> None:
    said = refused(url)
    assert WORD not in said
    assert said.isprintable()


@pytest.mark.parametrize("url", ["redis:\nx", "redis:\x1b[2J", "redis:\u2028://h", "redis://h/\n1\x07"])
def test_what_is_said_has_no_control_characters(url: str) -> None:
    assert refused(url).isprintable()
