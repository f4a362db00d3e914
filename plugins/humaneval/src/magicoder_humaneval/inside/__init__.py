"""What runs in a box of its own, with a task's reference and tests and never with a program that is judged.

The modules are handed into the box as compiled code (`magicoder_humaneval.shipping`), so they import nothing but
Python's standard library and each other. Only plain data goes in and out: a task's parts, the arguments of calls, and
the values that a program gave for them in another box.
"""
