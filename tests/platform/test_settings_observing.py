"""Settings of logs, metrics and traces."""

from __future__ import annotations

import pytest

from qiatan.infra.settings import Settings, SettingsError


def test_nothing_set_means_quiet_logs_and_no_outside_readers() -> None:
    settings = Settings.from_env({})

    assert (settings.log_format, settings.log_requests) == ("auto", False)
    assert (settings.metrics_token, settings.otlp_endpoint) == (None, None)


def test_everything_can_be_given() -> None:
    settings = Settings.from_env(
        {
            "LOG_FORMAT": "JSON",
            "LOG_REQUESTS": "on",
            "METRICS_TOKEN": "0123456789abcdef",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/",
        }
    )

    assert (settings.log_format, settings.log_requests) == ("json", True)
    assert settings.metrics_token == "0123456789abcdef"
    assert settings.otlp_endpoint == "http://collector:4318"
    assert "0123456789abcdef" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("LOG_FORMAT", "xml", "use one of auto, text, json"),
        ("LOG_REQUESTS", "maybe", "use on or off"),
        ("METRICS_TOKEN", "short", "use 16 random letters and digits or more"),
        ("METRICS_TOKEN", "0123456789 abcdef", "use 16 random letters and digits or more"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "it must be http or https and a host"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/?key=secret", "it must be http or https and a host"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[", "it must be http or https and a host"),
    ],
)
def test_what_cannot_be_meant_is_answered_with_the_variable_and_the_remedy(name: str, value: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({name: value})

    assert name in str(refused.value)
    assert remedy in str(refused.value)
    if name in ("METRICS_TOKEN", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        assert value not in str(refused.value), "it may be secret"
