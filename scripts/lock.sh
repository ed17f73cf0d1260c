#!/bin/sh
# Write the lock files: every file by its hashes, for all systems at once, and no address of any registry.
set -eu
cd "$(dirname "$0")/.."
uv=$1
compile() {
    "$uv" pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate "$@"
}
compile pyproject.toml --output-file requirements.lock
compile pyproject.toml --group dev --constraints requirements.lock --output-file requirements-dev.lock
compile --group build --output-file requirements-build.lock
compile --group node --output-file requirements-node.lock
if grep -nE '(https?|file)://' requirements*.lock; then
    echo "the lock files must not hold addresses" >&2
    exit 1
fi
