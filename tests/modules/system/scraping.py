"""Reading what `/metrics` says, as a Prometheus server would."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """By name and labels, without the node's."""
    return {
        (sample.name, frozenset((key, value) for key, value in sample.labels.items() if key != "node")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scrape(http: httpx.AsyncClient, **headers: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = await http.get("http://qiatan.test/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return parsed(answer.text)


def value(samples: Samples, name: str, **labels: str) -> float:
    """0 where it was never counted."""
    return samples.get((name, frozenset(labels.items())), 0.0)
