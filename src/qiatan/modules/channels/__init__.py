"""Channels: where talk comes from. For now the web widget: its settings, its public key and the snippet to paste.

Promises: a channel that is switched off answers nobody; its key is random and public, so knowing it gives nothing but the widget's
looks. Emits `ChannelChanged`.
"""
