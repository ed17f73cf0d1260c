"""What tests share: a real PostgreSQL, a clock that stands still, makers of things, and clients for every door."""
