"""What runs in the sandbox, beside the programs of rows: nothing here imports what is not in Python itself."""
