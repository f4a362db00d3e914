"""What runs in the box, under the other interpreter: each module is sent as text, with a call of its `run` behind it.

They must run on Python 3.9, and import nothing of ours.
"""
