"""Sockets without a transport: topics, outbound queues, frames. The socket tier itself is `entrypoints/socket.py`."""
