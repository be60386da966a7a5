"""`chancery up`: the embedded broker and every service as supervised child processes."""
