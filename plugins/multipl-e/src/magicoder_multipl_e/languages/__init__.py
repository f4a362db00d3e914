"""The languages of the suite, each with its toolchain: what it needs, how a program is compiled and run, how it ends.

Limits in seconds and rules for what passes are the official runner's (nuprl/MultiPL-E, `evaluation/src/eval_*.py`,
read at 28441b6 and later); commands are as fast as they can be with the same verdicts. `table` has them all.
"""
