"""Files: what people send besides text. For now pictures.

Promises: what is kept is what we encoded ourselves, under a random name; a file belongs to who sent it until they put it into a
conversation, and to that conversation from then on; what was withdrawn or never used is deleted. Emits nothing.
"""
