"""What runs inside the box: a fork server, the program's side, and the encoding of values that both sides share.

The folder is bound into the box and started there as a package named ``inside``, so its modules import nothing of the
project but each other, and nothing that is installed. `server` is trusted: it is started once for each box and forks
once for each program. `program` is the untrusted side from its first line on: nothing that it says is more than a
value or a failure to the trusted side. `command` has other programs in its place.

Another interpreter than ours may serve in a box (`sandbox.python_image`), so all of it runs on Python 3.9.
"""
