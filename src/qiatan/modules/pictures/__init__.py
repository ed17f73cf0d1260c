"""Pictures of rich texts: what stands in quick replies, and in the messages that were made of them.

Promises: what is kept is what we encoded ourselves, under a random id that anybody who knows it may look at; a picture stays as long as an
entry holds it, and for ever once it was sent; what nothing holds goes after a day. Emits nothing.
"""
