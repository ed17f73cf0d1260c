"""The only place that knows all modules: HTTP and socket application, worker, command line."""
