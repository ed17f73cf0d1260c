"""Settings: what may be given, and the one line that answers what may not."""

from __future__ import annotations

import ipaddress
import os
import stat
from pathlib import Path

import pytest

from qiatan.infra.secret_key import make_key
from qiatan.infra.settings import MailSender, S3Bucket, Settings, SettingsError, SmtpServer


def test_with_an_empty_environment_everything_has_its_default() -> None:
    settings = Settings.from_env({})
    assert settings.host == "127.0.0.1"
    assert settings.port == 8000
    assert settings.data_dir == Path.cwd() / "data"
    assert settings.database_url is None
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.signup_open
    assert settings.run_worker
    assert settings.finish_upgrades
    assert settings.trusted_proxies == ()
    assert settings.log_level == "info"
    assert (settings.smtp, settings.mail_from, settings.outbound_allow) == (None, None, ())
    assert (settings.files_url, settings.s3) == (None, None)


def test_the_bus_may_be_a_cluster() -> None:
    settings = Settings.from_env({"NATS_URL": "nats://token@one:4222, tls://user:word@two.example.com"})
    assert settings.nats_url == ("nats://token@one:4222", "tls://user:word@two.example.com")
    assert Settings.from_env({}).nats_url == ()


@pytest.mark.parametrize("url", ["one:4222", "http://one", "nats://", "nats://token@one:99999", "nats://one/path", "nats://one,two"])
def test_a_bus_that_cannot_be_meant_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(SettingsError, match="NATS_URL: use addresses like nats://") as refused:
        Settings.from_env({"NATS_URL": url})
    assert "99999" not in str(refused.value)
    assert "4222, separated" in str(refused.value)


def test_everything_can_be_given() -> None:
    settings = Settings.from_env(
        {
            "HOST": "::",
            "PORT": "9000",
            "DATA": "/srv/talk",
            "DATABASE_URL": "postgres://u:p@db/q",
            "PUBLIC_URL": "https://Talk.Example.com/",
            "SIGNUP": "off",
            "WORKER": "No",
            "FINISH_UPGRADES": "off",
            "TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "LOG_LEVEL": "DEBUG",
            "SMTP_URL": "smtps://talk%40example.com:p%3Aw%2Fd@mail.example.com",
            "MAIL_FROM": "洽谈 <noreply@example.com>",
            "OUTBOUND_ALLOW": "10.8.0.0/16,fd12::/32",
        }
    )
    assert settings == Settings(
        host="::",
        port=9000,
        data_dir=Path("/srv/talk"),
        database_url="postgresql://u:p@db/q",
        public_url="https://talk.example.com",
        signup_open=False,
        run_worker=False,
        finish_upgrades=False,
        trusted_proxies=(ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1")),
        log_level="debug",
        smtp=SmtpServer("mail.example.com", 465, "tls", "talk@example.com", "p:w/d"),
        mail_from=MailSender("洽谈", "noreply@example.com"),
        outbound_allow=(ipaddress.ip_network("10.8.0.0/16"), ipaddress.ip_network("fd12::/32")),
    )


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", SmtpServer("mail.example.com", 587, "starttls")),
        ("smtp://u:p@mail.example.com:2525", SmtpServer("mail.example.com", 2525, "starttls", "u", "p")),
        ("smtps://[2001:db8::1]:4650/", SmtpServer("2001:db8::1", 4650, "tls")),
        ("smtp://localhost:25", SmtpServer("localhost", 25, "plain")),
        ("smtp://127.0.0.2:25", SmtpServer("127.0.0.2", 25, "plain")),
        ("smtp://[::1]:25", SmtpServer("::1", 25, "plain")),
        ("smtp://10.0.0.5:25", SmtpServer("10.0.0.5", 25, "starttls")),
    ],
)
def test_mail_goes_unencrypted_to_this_machine_only(url: str, server: SmtpServer) -> None:
    assert Settings.from_env({"SMTP_URL": url, "MAIL_FROM": "a@example.com"}).smtp == server


def test_a_mail_server_without_a_sender_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^MAIL_FROM: with SMTP_URL"):
        Settings.from_env({"SMTP_URL": "smtp://mail.example.com"})


def test_settings_do_not_show_what_is_secret() -> None:
    given = {
        "SMTP_URL": "smtp://u:hidden@mail.example.com",
        "MAIL_FROM": "a@example.com",
        "DATABASE_URL": "postgresql://u:hidden@db/q",
        "NATS_URL": "nats://hidden@bus:4222",
        "METRICS_TOKEN": "hidden-hidden-hidden",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://u:hidden@traces:4318",
        "S3_BUCKET": "talk",
        "S3_ACCESS_KEY": "key",
        "S3_SECRET_KEY": "hidden",
        "SECRET_KEY": bytes(range(100, 132)).hex(),
    }
    settings = Settings.from_env(given)
    assert settings.database_url == given["DATABASE_URL"]
    assert "hidden" not in repr(settings)
    assert given["SECRET_KEY"] not in repr(settings)
    assert bytes(range(100, 120)).decode() not in repr(settings)


@pytest.mark.parametrize("name", ["PUBLIC_URL", "FILES_URL", "S3_ENDPOINT"])
@pytest.mark.parametrize("text", ["https://u:hidden@talk.example.com", "https://u:hidden@[x", "ftp://u:hidden@talk.example.com/x"])
def test_an_address_with_a_user_is_refused_and_not_shown(name: str, text: str) -> None:
    bucket = {"S3_BUCKET": "talk", "S3_ACCESS_KEY": "key", "S3_SECRET_KEY": "secret"}
    with pytest.raises(SettingsError, match=rf"^{name}: what stands there") as refused:
        Settings.from_env(bucket | {name: text})
    assert "hidden" not in str(refused.value)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_env({"PORT": "", "SIGNUP": " "}) == Settings.from_env({})


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [("0.0.0.0", "80", "http://127.0.0.1:80"), ("::1", "81", "http://[::1]:81"), ("::", "82", "http://[::1]:82")],
)
def test_the_public_address_follows_from_host_and_port(host: str, port: str, url: str) -> None:
    assert Settings.from_env({"HOST": host, "PORT": port}).public_url == url


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("PORT", "0", "1 to 65535"),
        ("PORT", "65536", "1 to 65535"),
        ("PORT", "８０", "1 to 65535"),
        ("PORT", "-1", "1 to 65535"),
        ("HOST", "http://x", "use one like 127.0.0.1"),
        ("DATA", "/etc/passwd", "name another one"),
        ("DATABASE_URL", "mysql://u:hidden@h/d", "must begin with postgresql://"),
        ("DATABASE_URL", "hidden", "must begin with postgresql://"),
        ("PUBLIC_URL", "talk.example.com", "http or https"),
        ("PUBLIC_URL", "https://talk.example.com/chat", "no path"),
        ("PUBLIC_URL", "https://u:p@talk.example.com", "http or https"),
        ("PUBLIC_URL", "https://[x", "use one like"),
        ("PUBLIC_URL", "https://talk.example.com:99999", "use one like"),
        ("SIGNUP", "maybe", "use on or off"),
        ("WORKER", "2", "use on or off"),
        ("WORKERS", "0", "from 1 to 64"),
        ("WORKERS", "65", "from 1 to 64"),
        ("WORKERS", "on", "from 1 to 64"),
        ("DRAIN_SECONDS", "301", "from 0 to 300"),
        ("DRAIN_SECONDS", "1.5", "from 0 to 300"),
        ("SECRET_KEY", "hidden", "openssl rand -hex 32"),
        ("SECRET_KEY", "00" * 32, "openssl rand -hex 32"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "is not a network"),
        ("TRUSTED_PROXIES", "proxy", "is not a network"),
        ("LOG_LEVEL", "loud", "use one of debug, info, warning, error"),
        ("SMTP_URL", "mail.example.com:587", "use one like smtp://"),
        ("SMTP_URL", "http://u:hidden@mail.example.com", "it must be smtp or smtps"),
        ("SMTP_URL", "smtp://u:hidden@mail.example.com/path", "with no path"),
        ("SMTP_URL", "smtp://u:hid/den@mail.example.com", "use one like smtp://"),
        ("SMTP_URL", "smtp://user@mail.example.com", "belong together"),
        ("SMTP_URL", "smtp://mail.example.com:0", "use one like smtp://"),
        ("SMTP_URL", "smtp://mail.example.com:99999", "use one like smtp://"),
        ("MAIL_FROM", "noreply", "use one like Qiatan <noreply@example.com>"),
        ("MAIL_FROM", "Talk <a@example.com>, b@example.com", "use one like Qiatan <noreply@example.com>"),
        ("OUTBOUND_ALLOW", "login.example.com", "is not a network"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named_with_its_remedy_in_one_line(name: str, value: str, remedy: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: ") as refused:
        Settings.from_env({name: value})
    message = str(refused.value)
    assert remedy in message
    assert "\n" not in message
    assert "hidden" not in message


def test_the_secret_is_made_once_random_and_closed_to_others(tmp_path: Path) -> None:
    first, other = Settings(data_dir=tmp_path / "a"), Settings(data_dir=tmp_path / "b")
    first.data_dir.mkdir()
    other.data_dir.mkdir()
    key = first.secret_key()
    assert len(key) == 32
    assert key == Settings(data_dir=first.data_dir).secret_key()
    assert key != other.secret_key()
    assert [stat.S_IMODE(path.stat().st_mode) for path in first.data_dir.iterdir()] == [0o600]


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        ("ab" * 16 + "\n", 0o600, "too short"),
        ("00" * 32 + "\n", 0o600, "too simple"),
        ("\n", 0o600, "too short"),
        ("secret", 0o600, "not in hexadecimal"),
        ("0123456789abcdef" * 4, 0o640, "can be read by other users"),
        ("0123456789abcdef" * 4, 0o604, "can be read by other users"),
    ],
)
def test_a_secret_that_is_none_is_refused_and_left_as_it_is(tmp_path: Path, content: str, mode: int, reason: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(SettingsError, match=reason):
        Settings(data_dir=tmp_path).secret_key()
    assert path.read_text() == content


def test_a_secret_behind_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.key").symlink_to("/dev/zero")
    with pytest.raises(SettingsError, match="not a plain file"):
        Settings(data_dir=tmp_path).secret_key()


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^DATA: cannot write .*secret\.key"):
        Settings(data_dir=tmp_path / "missing").secret_key()


def test_a_bucket_is_given_whole_or_not_at_all() -> None:
    given = {"S3_BUCKET": "talk-files", "S3_ACCESS_KEY": "key", "S3_SECRET_KEY": "geheim"}

    assert Settings.from_env(given).s3 == S3Bucket("talk-files", "key", "geheim")
    own = Settings.from_env(given | {"S3_ENDPOINT": "https://S3.example.com/", "S3_REGION": "cn-north-1"}).s3
    assert own == S3Bucket("talk-files", "key", "geheim", "https://s3.example.com", "cn-north-1")
    assert "geheim" not in repr(own)
    for missing in given:
        with pytest.raises(SettingsError, match=f"^{missing}: it is missing"):
            Settings.from_env({name: value for name, value in given.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FILES_URL", "files.example.com"),
        ("FILES_URL", "https://files.example.com/x"),
        ("S3_BUCKET", "No Bucket"),
        ("S3_ENDPOINT", "s3.example.com"),
    ],
)
def test_addresses_and_names_of_storage_are_looked_at(name: str, value: str) -> None:
    given = {"S3_BUCKET": "talk-files", "S3_ACCESS_KEY": "key", "S3_SECRET_KEY": "geheim"}

    with pytest.raises(SettingsError, match=f"^{name}: "):
        Settings.from_env(given | {name: value})


def test_files_may_have_an_address_of_their_own() -> None:
    assert Settings.from_env({"FILES_URL": "https://Files.example.com/"}).files_url == "https://files.example.com"


def test_several_machines_are_given_one_secret(tmp_path: Path) -> None:
    key = bytes(range(32))
    file = tmp_path / "mounted"
    file.write_text(f"{key.hex()}\n")
    file.chmod(0o440)
    link = tmp_path / "secret"
    link.symlink_to(file)
    data = {"DATA": str(tmp_path / "data")}

    assert Settings.from_env({**data, "SECRET_KEY": key.hex()}).secret_key() == key
    assert Settings.from_env({**data, "SECRET_KEY_FILE": str(link)}).secret_key() == key
    assert key.hex() not in repr(Settings.from_env({**data, "SECRET_KEY": key.hex()}))
    assert not (tmp_path / "data").exists(), "a given key needs no file"

    with pytest.raises(SettingsError, match="set one of them"):
        Settings.from_env({"SECRET_KEY": key.hex(), "SECRET_KEY_FILE": str(file)})
    file.chmod(0o444)
    with pytest.raises(SettingsError, match="can be read by everybody"):
        Settings.from_env({"SECRET_KEY_FILE": str(file)}).secret_key()
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.from_env({"SECRET_KEY_FILE": str(tmp_path / "none")}).secret_key()


def test_processes_that_make_the_secret_at_once_all_get_the_same(tmp_path: Path) -> None:
    settings = Settings.from_env({"DATA": str(tmp_path)})
    path = tmp_path / "secret.key"
    make_key(path)
    first = settings.secret_key()
    make_key(path)  # another one, which looked before the first was there
    assert settings.secret_key() == first
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret.key"]


def test_a_key_that_was_made_is_there_after_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory is flushed when the key has its name there: without that the file is safe, and its name is not."""
    flushed: list[tuple[str, list[str]]] = []
    flush = os.fsync

    def note(descriptor: int) -> None:
        what = "directory" if os.fstat(descriptor).st_ino == tmp_path.stat().st_ino else "file"
        flushed.append((what, sorted(entry.suffix for entry in tmp_path.iterdir())))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", note)

    make_key(tmp_path / "secret.key")

    assert flushed == [("file", [f".{os.getpid()}"]), ("directory", [".key"])]
