"""Who gets the conversation.

Owns: agents' presence (their own status and the lease their connections renew) and the assignment of waiting conversations. Promises: no
agent gets more conversations than the maximum, whatever runs at once; whoever waits longest is served first; a waiting
conversation is looked at again whenever the answer could have changed. Emits `PresenceChanged`.
"""
